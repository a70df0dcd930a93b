"""The two kinds of images, by name and by the number that stands for them."""

MODALITIES = ("visible", "infrared")
VISIBLE, INFRARED = 0, 1
