"""What is known of a program that was begun on the executor's own machine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandState:
    """A command of the executor's own machine. exit_code None: it runs, or it is lost.

    lost: it was begun, and what watched it is gone (the machine restarted): nobody knows how it ended.
    """

    exit_code: int | None
    output: str
    lost: bool = False
