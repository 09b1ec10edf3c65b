"""The shapes that settings are checked for."""

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.settings import checks


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("*/15 * * * *", "", id="every quarter of an hour"),
        pytest.param("0,30 6-18/2 * jan-jun mon-fri", "", id="ranges, steps and names"),
        pytest.param("0 0 29 2 *", "", id="a leap day"),
        pytest.param("@hourly", "must be crontab's five fields", id="a nickname"),
        pytest.param("0 0 * * 1", "must name weekdays", id="a weekday by number, of which cron and we count otherwise"),
        pytest.param("0 0 1 * mon", "must not restrict both", id="day and weekday, which cron joins by or"),
        pytest.param("60 * * * *", "has the minute 60: it must be from 0 to 59", id="a minute too large"),
        pytest.param("*/60 * * * *", "has the minute */60: the step must be from 1 to 59", id="a step too large"),
        pytest.param("*/0 * * * *", "has the minute */0: the step must be from 1 to 59", id="a step of zero"),
        pytest.param("5-1 * * * *", "has the minute 5-1: it must be from 0 to 59", id="a range backwards"),
        pytest.param("0 0 * * fri-mon", "has the weekday fri-mon: a range goes", id="a range over the week's end"),
        pytest.param("0 0 31 feb,apr *", "never fires", id="a day that no month has"),
        pytest.param("x * * * *", "has the minute x, which is not crontab", id="a word"),
        pytest.param("0 0 * foo *", "has the month foo, which is not crontab", id="no month"),
    ],
)
def test_a_schedule_is_checked(text: str, complaint: str) -> None:
    found = checks.crontab(text)
    assert found.startswith(complaint)
    assert bool(found) is bool(complaint)


_CRON_PART = st.from_regex(r"\A(\*|\d{1,2}(-\d{1,2})?)(/\d{1,2})?\Z") | st.sampled_from(["mon-fri", "jan", "sun", "x"])


@settings(deadline=None)  # the machine is shared
@given(st.lists(st.lists(_CRON_PART, min_size=1, max_size=2).map(",".join) | st.just("*"), min_size=5, max_size=5))
def test_apscheduler_takes_every_schedule_that_passes(parts: list[str]) -> None:
    schedule = " ".join(parts)
    if not checks.crontab(schedule):
        assert CronTrigger.from_crontab(schedule, "UTC")


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [("*/15 * * * *", 15), ("0 */6 * * *", 360), ("0 6,18 * * *", 720), ("0 6-8 * * *", 1320), ("* * * * mon", 1440)],
)
def test_the_longest_pause_of_a_schedule(schedule: str, minutes: int) -> None:
    assert checks.longest_pause_minutes(schedule) == minutes


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        pytest.param(
            checks.region,
            ["eu-west-1", "us-gov-west-1", "ap-southeast-2", "eusc-de-east-1"],
            ["eu-west-1a", "eu_west_1", "EU-WEST-1"],
            id="regions",
        ),
        pytest.param(checks.listen, ["127.0.0.1:0", "[::1]:80", "host:65535"], [":80", "host", "a:65536"], id="listen"),
        pytest.param(
            checks.cluster_arn,
            ["arn:aws-cn:eks:cn-north-1:111122223333:cluster/a_b-1"],
            ["arn:aws:eks:eu-west-1:1:cluster/a", "arn:aws:eks:eu-west-1:111122223333:nodegroup/a"],
            id="cluster ARNs",
        ),
        pytest.param(checks.account_id, ["000000000001"], ["1", "11112222333a", "١١١١٢٢٢٢٣٣٣٣"], id="account ids"),
        pytest.param(checks.timezone, ["UTC", "Asia/Tokyo"], ["Europe", "../etc", "Mars/Base", "/etc"], id="zones"),
        pytest.param(
            checks.http_url, ["http://a", "https://[::1]:3128"], ["ftp://a", "http://", "http://a:b"], id="URLs"
        ),
    ],
)
def test_a_shape(check: object, good: list[str], bad: list[str]) -> None:
    assert callable(check)
    assert [text for text in good if check(text)] == []
    assert [text for text in bad if not check(text)] == []
