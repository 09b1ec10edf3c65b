"""The one error of this package: its text names what failed and what to run next."""


class ControlPlaneError(Exception):
    """Building, starting or asking a control plane failed; the text is fit for people."""
