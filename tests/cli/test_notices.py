"""`fleetkeeper notices` and `campaign`: who would be told what, what was told, and why."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fleetkeeper.adapters.store import schema
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.clock import ENVIRONMENT, ScaledClock
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import parts
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.notices.values import Delivery
from fleetkeeper.core.run import Verb
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.engine.notice_ports import Settled
from fleetkeeper.engine.ports import Observation
from tests.cli.conftest import Command
from tests.cli.programs import surroundings
from tests.contract.observed import NOON, cluster_id, control_plane, listed
from tests.contract.telling import claim, save, writing

SEEN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FINDING = Finding(
    code="FK330",
    severity=Severity.BLOCKER,
    subject=Subject("ValidatingWebhookConfiguration", "pci-policy"),
    message="webhook pci-policy fails closed, and nobody answers it",
    fix="kubectl delete ValidatingWebhookConfiguration pci-policy if it is gone for good",
    blocks=True,
    breaks=Breaks.AT_NODES,
    owner={"team": "payments"},
)
CONFIG = """
[store]
url = "sqlite:///fleet.db"
[notices]
live = {live}
[[owners.teams]]
name = "payments"
channel = "C0PAYMENTS1"
[[owners.teams]]
name = "platform"
channel = "C0PLATFORM1"
"""

Told = Callable[..., Any]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cluster with one finding that payments own."""
    path = tmp_path_factory.mktemp("notices") / "fleet.db"
    settings = StoreSettings(f"sqlite:///{path}")
    schema.upgrade(settings)
    store = SqlStore(settings)
    found = listed(cluster_id(), SEEN)
    store.save_many([found], [(found.id, [Observation(parts.CONTROL_PLANE, control_plane(), None, SEEN)])])
    tracked = Tracked(FINDING, State.OPEN, SEEN, SEEN, SEEN)
    store.save_tracking(found.id, Tracking(SEEN, {FINDING.fingerprint: tracked}))
    store.close()
    return path


@pytest.fixture
def home(database: Path, tmp_path: Path) -> Path:
    shutil.copy(database, tmp_path / "fleet.db")
    configured(tmp_path, "[]")
    return tmp_path


@pytest.fixture
def typed(home: Path, command: Command) -> Command:
    """A command in that home, on a Monday."""
    environ = surroundings(home) | {ENVIRONMENT: ScaledClock(MONDAY, datetime.now(UTC), 1.0).to_text()}
    return partial(command, environ=environ)


def configured(home: Path, live: str) -> None:
    (home / "fleetkeeper.toml").write_text(CONFIG.format(live=live), "utf-8")


def signing(home: Path) -> None:
    """As the first engine on this database leaves it."""
    key = home / "fleet.db.key"
    key.write_text("0123456789abcdef" * 4, "utf-8")
    key.chmod(0o600)


@pytest.fixture
def told(typed: Command) -> Told:
    def ask(*words: str) -> Any:
        found = typed(*words, "-o", "json")
        assert found.exit_code == 0, found.stderr
        return json.loads(found.stdout)

    return ask


def test_a_team_that_is_not_live_is_previewed_as_shadow(told: Told, typed: Command) -> None:
    (row,) = told("notices", "preview")["items"]
    assert (row["state"], row["to"], row["owners"], row["items"]) == ("shadow", "C0PAYMENTS1", ["payments"], 1)
    shown = typed("notices", "preview").stdout
    assert "shadow" in shown
    assert "payments is not live: its notices are only previewed" in " ".join(shown.split())


def test_a_live_team_is_told_now_with_the_whole_text(home: Path, typed: Command, told: Told) -> None:
    configured(home, '["pay*"]')
    (row,) = told("notices", "preview", "--full")["items"]
    assert row["state"] == "now"
    assert "standard support of 1.34 ends" in row["text"]
    assert "Why you:" in typed("notices", "preview", "--full").stdout


@pytest.mark.parametrize(
    ("words", "count"),
    [
        pytest.param(["--owner", "payments"], 1, id="its owner"),
        pytest.param(["--owner", "shop"], 0, id="another owner"),
        pytest.param(["-l", "name=shop"], 1, id="its cluster"),
        pytest.param(["-l", "name=other"], 0, id="another cluster"),
    ],
)
def test_a_preview_is_narrowed(told: Told, words: list[str], count: int) -> None:
    assert len(told("notices", "preview", *words)["items"]) == count


def test_sending_without_a_key_is_refused_with_the_fix(home: Path, typed: Command) -> None:
    configured(home, '["*"]')
    found = typed("notices", "send", "--yes")
    assert found.exit_code == 2
    assert "set approvals.signing_key_file" in found.stderr


def test_sending_while_nobody_is_live_says_who_could_be(home: Path, typed: Command) -> None:
    signing(home)
    found = typed("notices", "send", "--yes")
    assert found.exit_code == 2
    assert 'live = ["payments"]' in found.stderr


def test_sending_asks_first(home: Path, typed: Command) -> None:
    signing(home)
    configured(home, '["*"]')
    found = typed("notices", "send")
    assert found.exit_code == 2
    assert "sending 1 message needs --yes" in found.stderr


def test_what_is_sent_waits_in_the_outbox_once(home: Path, typed: Command, told: Told) -> None:
    signing(home)
    configured(home, '["*"]')
    first, second = typed("notices", "send", "--yes"), typed("notices", "send", "--yes")
    id = first.stdout.strip()
    assert "1 message stored for delivery" in first.stderr
    assert "`fleetkeeper serve` delivers" in first.stderr
    assert (second.stdout, second.exit_code) == ("", 0)
    answer = told("get", "notices")
    assert [(row["notice"]["id"], row["state"]) for row in answer["items"]] == [(id, "pending")]
    assert {state: count for state, count in answer["outbox"].items() if count} == {"pending": 1}
    assert told("notices", "history", "--owner", "shop")["items"] == []
    assert id[:10] in typed("notices", "history").stdout


def test_why_names_the_owners_evidence_the_clock_and_what_was_told(home: Path, typed: Command, told: Told) -> None:
    signing(home)
    configured(home, '["*"]')
    id = typed("notices", "send", "--yes").stdout.strip()
    (row,) = told("notices", "why", "shop/-/ValidatingWebhookConfiguration/pci-policy")["items"]
    assert (row["owner"], row["clock"], row["phase"]) == ("payments", "standard support of 1.34 ends", "notified")
    assert row["deadline"] == "2026-12-02T00:00:00Z"
    assert (row["times_told"], row["notice"]) == (1, id)
    by_id = told("notices", "why", id)
    assert by_id["items"] == [row]
    assert by_id["notice"]["state"] == "pending"
    shown = typed("notices", "why", id).stdout
    assert "ValidatingWebhookConfiguration pci-policy" in shown
    assert "delivery: pending" in shown


def test_why_of_what_is_not_there_says_what_to_write(home: Path, typed: Command) -> None:
    found = typed("notices", "why", "n-nothing")
    assert found.exit_code == 2
    assert "there is no notice n-nothing" in found.stderr
    assert typed("notices", "why", "shop/shop/Deployment/web").exit_code == 2


def test_a_campaign_is_told_by_team_with_its_total(told: Told, typed: Command) -> None:
    rows = told("campaign", "1.35")["items"]
    assert [(row["owner"], row["open"], row["overdue"]) for row in rows] == [("payments", 1, 0), ("", 1, 0)]
    assert told("campaign", "1.39")["items"] == []
    assert "█" in typed("campaign").stdout


# ---- settled by hand


@pytest.fixture
def doubtful(home: Path) -> StoreSettings:
    """n1 may be out."""
    settings = StoreSettings(f"sqlite:///{home}/fleet.db")
    with closing(SqlNotices(settings)) as notices:
        save(notices, writing())
        (given,) = claim(notices)
        notices.settle([Settled(given.key, given.epoch, Delivery.AMBIGUOUS)], NOON)
    return settings


def test_what_a_person_saw_is_stored_for_the_engine_to_verify(doubtful: StoreSettings, typed: Command) -> None:
    link = "https://acme.slack.com/archives/C0PAYMENTS1/p1700000000123456"
    found = typed("notices", "settle", "n1", "--sent", "--link", link, "--reason", "seen")
    assert (found.exit_code, "No engine" in found.stderr) == (6, True)
    with closing(SqlRuns(doubtful)) as runs:
        (stored,) = runs.to_verify()
    assert (stored.verb, stored.subject, stored.target, stored.reason) == (
        Verb.SETTLE,
        "n1",
        "sent:C0PAYMENTS1/1700000000.123456",
        "seen",
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("n1",), "say what you saw: --sent or --not-sent", id="without what was seen"),
        pytest.param(("n9", "--sent"), "there is no notice n9", id="of a notice that is not there"),
        pytest.param(("n1", "--not-sent", "--link", "x"), "--link is of a message that is out", id="a link of nothing"),
    ],
)
def test_it_is_not_settled(doubtful: StoreSettings, typed: Command, words: tuple[str, ...], why: str) -> None:
    found = typed("notices", "settle", *words)
    assert found.exit_code == 2
    assert why in found.stderr
    with closing(SqlRuns(doubtful)) as runs:
        assert runs.to_verify() == ()


def test_that_a_check_was_looked_at_is_stored_for_the_engine_to_verify(home: Path, typed: Command) -> None:
    assert typed("notices", "unmute", "fk203", "--reason", "mended").exit_code == 6
    with closing(SqlRuns(StoreSettings(f"sqlite:///{home}/fleet.db"))) as runs:
        (stored,) = runs.to_verify()
    assert (stored.verb, stored.subject, stored.reason) == (Verb.UNMUTE, "FK203", "mended")
