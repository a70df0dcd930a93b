"""The errors that stand for a user's mistake."""


class UserError(Exception):
    """Something that the user can mend: a folder, an image, a config value.

    Its message is one line that names what is wrong and what to do. The command line
    prints that line alone and ends with exit status 2; any other exception is ours.
    """


class DataError(ValueError):
    """A data folder, list or image that the user must mend.

    Its message is one line that names the path and, where something was counted, the
    figures.
    """
