"""TFDS builder of a folder of one's own cameras."""

from ceil_jax.datasets.folder.layout import LAYOUT
from ceil_jax.datasets.listed import ListedBuilder


class Builder(ListedBuilder):
    """Splits `train` (unlabelled) and `test` (queries and galleries), if they exist."""

    LAYOUT = LAYOUT
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    manual_dir is a folder of images: {visible,infrared}/{camera}/... for training;
    {query,gallery}/{visible,infrared}/{camera}/{identity}/... for evaluation.
    """
