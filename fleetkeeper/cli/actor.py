"""Who types a command: the user of this machine."""

import getpass
import os


def actor() -> str:
    """The login name; in a container without one the number of the user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
