"""What the state of a cluster refuses: small typed errors, of which the API makes a Status."""


class StateError(Exception):
    """A write or a watch that the state refuses; the API makes a Status of it."""

    def __init__(self, resource: str, name: str) -> None:
        self.resource, self.name = resource, name
        super().__init__(f"{type(self).__name__}: {resource} {name}")


class NotFound(StateError):
    """404."""


class AlreadyExists(StateError):
    """409 AlreadyExists."""


class Conflict(StateError):
    """409: what the write was computed from is not the newest (the object's own resourceVersion in an update)."""


class PreconditionFailed(StateError):
    """409: a precondition does not hold. field is "UID" or "ResourceVersion", as the server's sentence says it."""

    def __init__(self, resource: str, name: str, field: str, wanted: str, found: str) -> None:
        super().__init__(resource, name)
        self.field, self.wanted, self.found = field, wanted, found


class TooOld(StateError):
    """410: the log no longer reaches back to the revision; oldest is the first revision that it can start after."""

    def __init__(self, resource: str, asked: int, oldest: int) -> None:
        super().__init__(resource, "")
        self.asked, self.oldest = asked, oldest
