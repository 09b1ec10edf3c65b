"""How a command in one thread ends when it is told to: in order, unless whoever began it has the signal ignored."""

import signal
from collections.abc import Iterator

import pytest

from fleetkeeper.cli.signals import ending_in_order

NUMBERS = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def before() -> Iterator[None]:
    handlers = [signal.signal(each, signal.SIG_DFL) for each in NUMBERS]
    yield
    for number, handler in zip(NUMBERS, handlers, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_ends_in_order_and_the_second_would_end_at_once(number: signal.Signals) -> None:
    with ending_in_order():
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(number)
        assert ended.value.code == 128 + number
        assert signal.getsignal(number) is signal.SIG_DFL


@pytest.mark.usefixtures("before")
def test_what_nohup_has_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ending_in_order():
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
