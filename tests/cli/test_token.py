"""Verbs with `--token-file`: a real issuer, the command line, and the engine of a `serve` that verifies and signs."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from joserfc.jwk import RSAKey

from fleetkeeper.cli.actor import actor
from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command
from tests.cli.programs import Program
from tests.cli.running import observed, planned, status
from tests.issuer import Issuer, issuer
from tests.postgres import Postgres
from tests.waiting import wait_until

__all__ = ["issuer"]

PEOPLE = """
[approvals.oidc]
issuer = "{issuer}"
audience = "fleetkeeper"

[approvals.people]
"ada@example.com" = "approver"
"olga@example.com" = "operator"

[observe]
schedule = "0 0 1 jan *"
stale_after_minutes = 44640
"""


@dataclass
class Office:
    """A fleet with an engine that believes the issuer alone. store: its database."""

    environ: dict[str, str]
    store: str
    issuer: Issuer
    folder: Path

    def token(self, email: str, key: RSAKey | None = None) -> str:
        """The path of a file with an ID token of this person."""
        path = self.folder / f"{email}.jwt"
        path.write_text(f"{self.issuer.token(key, email=email)}\n", "utf-8")
        return str(path)

    def proofs(self) -> set[str]:
        with psycopg.connect(self.store) as connection:
            return {row[0] for row in connection.execute("SELECT proof FROM command")}


@pytest.fixture
def office(scaled: SimProcess, postgres: Postgres, issuer: Issuer, tmp_path: Path) -> Iterator[Office]:
    store = postgres.migrated()
    environ = observed(scaled, tmp_path, store, PEOPLE.format(issuer=issuer.url))
    environ |= {"FLEETKEEPER_APPROVALS__SIGNING_KEY": "k" * 64}
    with Program(["serve"], environ, tmp_path) as program:
        program.await_event("engine_runs")
        yield Office(environ, store, issuer, tmp_path)
        program.tell(signal.SIGTERM)
        assert program.ended() == 0
    postgres.drop(store)


def test_a_plan_is_started_and_approved_by_people_whom_the_issuer_vouches_for(command: Command, office: Office) -> None:
    ada, olga = office.token("ada@example.com"), office.token("olga@example.com")
    plan = planned(command, office.environ, selector="name=payments")
    unknown = command("run", "start", plan, "--yes", environ=office.environ)
    assert unknown.exit_code == 1
    assert "a name of the local machine proves nothing here; say it with `--token-file`" in unknown.stderr
    assert "who may start: ada@example.com, olga@example.com" in unknown.stderr
    started = command("run", "start", plan, "--yes", "--token-file", olga, environ=office.environ)
    assert started.exit_code == 5, started.stderr
    id = started.stdout.strip()
    no_approver = command("run", "approve", plan, "--token-file", olga, environ=office.environ)
    assert no_approver.stderr == "Refused: olga@example.com has no right to approve; these have: ada@example.com\n"
    other_key = office.token("eve@example.com", RSAKey.generate_key(2048, {"kid": "k1"}))
    forged = command("run", "approve", plan, "--token-file", other_key, environ=office.environ)
    assert forged.exit_code == 1
    assert forged.stderr.startswith("Refused: the ID token is not valid: ")
    given = command("run", "approve", plan, "--token-file", ada, environ=office.environ)
    assert given.stderr == f"Approve {plan}: ada@example.com (oidc) approved the plan {plan}\n"
    gate = command("run", "approve", id, "--gate", "all/go-ahead", "--token-file", ada, environ=office.environ)
    assert gate.exit_code == 0, gate.stderr
    watched = command("run", "watch", id, "--timeout", "60s", environ=office.environ)
    assert watched.exit_code == 0, watched.output  # the engine acts only on what it signed
    found = status(command, office.environ, id)
    assert {(each["gate"], each["actor"]) for each in found["approvals"]} == {
        ("", "ada@example.com"),
        ("all/go-ahead", "ada@example.com"),
    }
    log = json.loads(command("run", "log", id, "-o", "json", environ=office.environ).stdout)["items"]
    assert ("command.start", "olga@example.com") in {(each["kind"], each["actor"]) for each in log}
    assert office.proofs() == {""}


def test_while_the_issuer_is_down_a_stop_is_taken_and_what_needs_a_token_waits_and_is_overtaken(
    command: Command, office: Office
) -> None:
    olga = office.token("olga@example.com")
    plan = planned(command, office.environ, "observe-only")
    office.issuer.down = True
    with Program(["run", "start", plan, "--yes", "--token-file", olga], office.environ, office.folder) as starting:
        assert starting.process.stdout is not None
        id = starting.process.stdout.readline().strip()
        wait_until(lambda: bool(office.proofs()), "the start waits with its token")
        aborted = command("run", "abort", id, environ=office.environ)
        assert (aborted.exit_code, aborted.stderr) == (0, f"Abort {id}: nothing was under way\n")
        assert f"{actor()} (not verified): abort the run" in command("run", "log", id, environ=office.environ).stdout
        assert Path(olga).read_text("utf-8").strip() in office.proofs()
        office.issuer.down = False
        assert starting.ended() == 1
    assert starting.lines[-1] == "Refused: somebody stopped the run after that: say start again if it is still wanted\n"
    assert office.proofs() == {""}
