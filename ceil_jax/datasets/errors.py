"""The error that stands for a folder or an image that cannot be used."""


class DataError(ValueError):
    """A data folder, list or image that the user must mend.

    Its message is one line that names the path and, where something was counted, the
    figures.
    """
