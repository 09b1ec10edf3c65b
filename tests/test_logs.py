"""Log lines: their form, and that text from a cluster cannot drive a terminal through them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from fleetkeeper import logs

HOSTILE = "evil\x1b[2J\u202ename"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def logged(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, format: str = "auto", level: str = "info") -> None:
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure(level, format)
    log = structlog.get_logger("test")
    log.debug("detail")
    log.info("seen", cluster=HOSTILE, names=[HOSTILE], more={HOSTILE: (HOSTILE,)}, count=3)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.exception("part_failed")


def test_json_off_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    logged(monkeypatch, stream)
    seen, failed = (json.loads(line) for line in stream.getvalue().splitlines())
    assert seen | {"timestamp": ""} == {
        "event": "seen",
        "level": "info",
        "timestamp": "",
        "cluster": "evil\\x1b[2J\\u202ename",
        "names": ["evil\\x1b[2J\\u202ename"],
        "more": {"evil\\x1b[2J\\u202ename": ["evil\\x1b[2J\\u202ename"]},
        "count": 3,
    }
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert failed["exception"].endswith("ValueError: evil\\x1b[2J\\u202ename")


@pytest.mark.parametrize(("stream", "format"), [(Terminal(), "auto"), (io.StringIO(), "text")])
def test_text_at_a_terminal_is_harmless(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, format: str) -> None:
    logged(monkeypatch, stream, format)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "part_failed" in text
    assert "\nValueError: evil" in text


def test_the_level_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    logged(monkeypatch, stream, level="error")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["part_failed"]


def test_what_vendors_log_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure("debug", "json")
    logging.getLogger("botocore").warning("retrying")
    logging.getLogger("urllib3.connectionpool").error("broken")
    assert stream.getvalue() == ""
