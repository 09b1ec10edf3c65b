"""The Silences port: by name an Alertmanager or PagerDuty, each silence with the token in the text that people see."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from fleetkeeper.adapters.silences_alertmanager import Alertmanager
from fleetkeeper.adapters.silences_pagerduty import PagerDuty
from fleetkeeper.config import SilencerSettings
from fleetkeeper.engine.silences import Quiet
from fleetkeeper.errors import GapReason, Refused


class _Silencer(Protocol):
    def covers(self, quiet: Quiet) -> str: ...

    def find(self, quiet: Quiet, token: str) -> datetime | None: ...

    def hold(self, quiet: Quiet, token: str, until: datetime) -> None: ...

    def end(self, quiet: Quiet, token: str) -> None: ...

    def close(self) -> None: ...


class Silencers:
    """Nothing is retried: the engine comes again by itself, with the same token."""

    def __init__(self, entries: Iterable[SilencerSettings]) -> None:
        self._entries: Mapping[str, _Silencer] = {each.name: _made(each) for each in entries}

    def covers(self, source: str, quiet: Quiet) -> str:
        return self._of(source).covers(quiet)

    def find(self, source: str, quiet: Quiet, token: str) -> datetime | None:
        return self._of(source).find(quiet, token)

    def hold(self, source: str, quiet: Quiet, token: str, until: datetime) -> None:
        self._of(source).hold(quiet, token, until)

    def end(self, source: str, quiet: Quiet, token: str) -> None:
        self._of(source).end(quiet, token)

    def close(self) -> None:
        for each in self._entries.values():
            each.close()

    def _of(self, source: str) -> _Silencer:
        found = self._entries.get(source)
        if found is None:
            names = ", ".join(sorted(self._entries)) or "none"
            detail = f"the settings have no [[engine.silencers]] of the name {source}; they have {names}"
            raise Refused(detail, GapReason.NOT_CONFIGURED)
        return found


def _made(settings: SilencerSettings) -> _Silencer:
    return PagerDuty(settings) if settings.kind == "pagerduty" else Alertmanager(settings)
