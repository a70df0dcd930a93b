"""RegDB: 412 people, each ten visible and ten thermal images, ten trials."""
