"""A trained model in use: loaded, embedding images, packed for other programs."""
