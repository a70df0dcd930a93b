"""From images to rows of features."""
