"""What the developer can put right: shown as one line, without a traceback."""


class LocalError(Exception):
    """A reason not to start: a broken template, a port in use, a file that is not there."""


class TemplateError(LocalError):
    """template.yaml, or a parameter given to it, does not hold together."""
