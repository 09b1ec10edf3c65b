"""Two families of the API server's metrics, out of whatever a page holds."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.api_metric import MOST_CALLS, REQUESTED, api_use
from fleetkeeper.core.observed import DeprecatedCall


def line(resource: str = "cronjobs", value: str = "1", removed: str = "1.25") -> str:
    labels = f'group="batch",removed_release="{removed}",resource="{resource}",subresource="",version="v1beta1"'
    return f"{REQUESTED}{{{labels}}} {value}"


def test_a_call_is_read_with_its_removal_and_the_start_of_the_server() -> None:
    found = api_use([f"# TYPE {REQUESTED} gauge", line(), "process_start_time_seconds 1.7636e+09"])

    assert found.calls == (DeprecatedCall("batch", "v1beta1", "cronjobs", "", "1.25"),)
    assert found.since == datetime.fromtimestamp(1.7636e9, UTC)


def test_a_gauge_of_zero_and_other_families_are_no_calls() -> None:
    assert api_use([line(value="0"), line(value="NaN?"), "apiserver_request_total{} 7", ""]).calls == ()


def test_a_start_that_is_no_time_is_not_seen() -> None:
    for value in ("gauge", "NaN", "1e300", "-1e300"):
        assert api_use([f"process_start_time_seconds {value}"]).since is None


def test_more_calls_than_there_are_apis_are_cut() -> None:
    assert len(api_use([line(f"r{n}") for n in range(MOST_CALLS + 5)]).calls) == MOST_CALLS


@given(st.lists(st.text(max_size=40) | st.text(max_size=20).map(lambda t: f"{REQUESTED}{{{t}}} 1"), max_size=6))
def test_arbitrary_lines_never_raise(lines: list[str]) -> None:
    assert len(api_use(lines).calls) <= len(lines)
