"""Errors that are the user's to mend."""


class UserError(Exception):
    """The settings, a file or the command line are wrong; the message says what, where and what to do."""
