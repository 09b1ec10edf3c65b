"""The shipped manifest covers what the product calls of Slack, and asks for nothing more: read from the code itself."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import client as socket_mode

from fleetkeeper.adapters import slack as adapter
from fleetkeeper.adapters.slack.errors import POST
from fleetkeeper.adapters.slack.payloads import click_of
from fleetkeeper.data import data_path
from fleetkeeper.sim.slack.methods import METHODS
from fleetkeeper.sim.slack.scopes import MANIFEST, manifest_scopes
from fleetkeeper.sim.slack.tokens import APP_SCOPES
from fleetkeeper.sim.slack.values import HISTORY_SCOPE
from fleetkeeper.sim.slack_api import SimSlack

WITHOUT_CALL = {"chat:write.public", "commands"}
"""Scopes that no method demands: where posts may go, and that there is a slash command at all."""

EVENTS = ("app_home_opened", "app_mention", "app_uninstalled", "channel_archive", "message", "tokens_revoked")


def trees() -> Iterator[ast.AST]:
    for path in sorted(Path(next(iter(adapter.__path__))).glob("*.py")):
        yield ast.parse(path.read_text("utf-8"))


def api_name(method: str) -> str | None:
    """`chat.postMessage` of WebClient's chat_postMessage; None for what calls nothing."""
    found = re.search(r'\.api_call\(\s*"([\w.]+)"', inspect.getsource(getattr(WebClient, method)))
    return found[1] if found else None


def called_in(tree: ast.AST) -> set[str]:
    """Methods of the Web API that are called by their functions of WebClient anywhere below."""
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    functions = {
        name for name in names if "_" in name.strip("_") and inspect.isfunction(getattr(WebClient, name, None))
    }
    return {found for name in functions if (found := api_name(name))}


def called() -> set[str]:
    """With what the SDK's own client of Socket Mode calls."""
    ours = set().union(*(called_in(tree) for tree in trees()))
    sdk = {api_name(name) for name in re.findall(r"web_client\.(\w+)\(", inspect.getsource(socket_mode))}
    assert ours, "no call was found"
    assert sdk == {"apps.connections.open"}
    return ours | {"apps.connections.open"}


def counted() -> Iterator[tuple[str, set[str]]]:
    """The name under which each lambda is called, which is what a limit is kept by, with what it does call."""
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 2:
                name, method = node.args
                if node.func.attr == "call" and isinstance(method, ast.Lambda):
                    yield (POST if isinstance(name, ast.Name) else ast.literal_eval(name)), called_in(method)


def uncovered(scopes: set[str]) -> set[str]:
    return {name for name in called() if METHODS[name].scopes and not scopes & set(METHODS[name].scopes)}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(data_path(MANIFEST).read_text("utf-8"))
    return found


def test_every_method_that_is_called_is_simulated_and_covered_by_the_manifest() -> None:
    assert called() <= METHODS.keys()
    assert uncovered({*manifest_scopes(), *APP_SCOPES}) == set()


def test_histories_are_covered_in_every_kind_of_place_to_which_is_posted() -> None:
    assert set(HISTORY_SCOPE.values()) <= set(manifest_scopes())


def test_where_the_optional_scopes_are_refused_only_histories_are_not_covered(manifest: dict[str, Any]) -> None:
    scopes = manifest["oauth_config"]["scopes"]
    assert uncovered({*scopes["bot"], *APP_SCOPES} - set(scopes["bot_optional"])) == {
        "conversations.history",
        "conversations.replies",
    }


@pytest.mark.parametrize("scope", manifest_scopes())
def test_no_scope_is_asked_for_that_nothing_needs(scope: str) -> None:
    """Without it some call is refused, in one kind of place at least."""
    others = {*manifest_scopes(), *APP_SCOPES} - {scope}
    assert scope in WITHOUT_CALL or uncovered(others) or scope in HISTORY_SCOPE.values()


def test_a_call_is_counted_under_the_name_of_the_method_that_it_calls() -> None:
    found = list(counted())
    assert len(found) > 5
    assert [(name, methods) for name, methods in found if methods != {name}] == []


@pytest.mark.parametrize("event", EVENTS)
def test_the_manifest_subscribes_to_exactly_the_events_that_are_understood(
    event: str, manifest: dict[str, Any]
) -> None:
    what = {"type": event, "tab": "home", "user": "U0ADA", "channel": "C0PAY"}
    click = click_of("events_api", {"type": "event_callback", "event_id": "Ev1", "event": what})
    assert (click is not None) is (event in manifest["settings"]["event_subscriptions"]["bot_events"])
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) <= set(EVENTS)


@pytest.mark.parametrize("name", sorted(name for name, method in METHODS.items() if method.scopes))
def test_without_its_scopes_a_method_is_refused_as_slack_does_it(name: str) -> None:
    """docs.slack.dev/reference/methods: missing_scope, with those that would do and those that there are."""
    method = METHODS[name]
    others = {scope for each in METHODS.values() for scope in each.scopes} - set(method.scopes)
    with SimSlack(factor=1000) as slack:
        token = slack.workspace.tokens.give("xapp-sim" if method.app_level else "xoxb-sim", frozenset(others))
        client = WebClient(token, base_url=slack.api_url, timeout=10, retry_handlers=[])
        with pytest.raises(SlackApiError) as refused:
            client.api_call(name)
    assert refused.value.response.data == {
        "ok": False,
        "error": "missing_scope",
        "needed": ",".join(method.scopes),
        "provided": ",".join(sorted(others)),
    }
