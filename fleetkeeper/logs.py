"""Logging: one event name plus fields, JSON in a pod and plain text at a terminal, on stderr."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from fleetkeeper.core.text import safe

_LONGEST = 2000
_MOST_LINES = 200


def _harmless(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Text that came from a cluster must not drive a terminal; a traceback may quote it, and keeps its lines."""
    return {k: _traceback(v) if k == "exception" else _safe(v) for k, v in event.items()}


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return safe(value, _LONGEST)
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(inner) for inner in value]
    if isinstance(value, Mapping):
        return {_safe(key): _safe(inner) for key, inner in value.items()}
    return value


def _traceback(text: Any) -> str:
    """Its end says most."""
    return "\n".join(safe(line, _LONGEST) for line in str(text).split("\n")[-_MOST_LINES:])


def configure(level: str, format: str) -> None:
    """Set up structlog and the standard library's logging once, at the start of a process."""
    as_text = format == "text" or (format == "auto" and sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False) if as_text else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _harmless,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Vendors log what we already turn into Gaps; only what they call critical is worth a line of its own.
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr, force=True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def belong_to(name: str) -> None:
    """Say in each line from now on which part of the work it is about; each is one write, so that none cuts another."""
    structlog.contextvars.bind_contextvars(part=name)
