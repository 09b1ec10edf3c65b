"""What the exit code of a command means; scripts rely on these."""

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    ERROR = 1
    USAGE = 2
    FINDINGS = 3
    AUTH = 4
    WAITING = 5
    TIMEOUT = 6
    PARTIAL = 7
    INTERRUPTED = 130
