"""Errors that the developer can fix, shown as one line without a traceback."""


class LocalError(Exception):
    """The engine cannot run: an invalid template, a port in use, a missing file."""


class TemplateError(LocalError):
    """template.yaml, or a parameter, is not valid."""
