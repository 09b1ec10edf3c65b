"""Modals and App Home as people get them: golden, and as Slack takes them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.compat import Confidence
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.home import home
from fleetkeeper.core.messages.lint import mistakes_of_view
from fleetkeeper.core.messages.message import View
from fleetkeeper.core.messages.modals import ack, extend, fix_diff, not_mine
from fleetkeeper.core.messages.plain import plain
from fleetkeeper.core.notices.asks import asks_of
from fleetkeeper.core.notices.values import Ask, Phase, Standing
from fleetkeeper.core.rows import Source
from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.slack.blocks import mistakes as of_slack
from tests.core.fleets import assert_golden
from tests.core.messages.cases import some
from tests.core.messages.told import NOW, WAVE, context, done, item
from tests.core.test_run_page import seen

INGRESS = ApiRow(
    "networking.k8s.io",
    "v1beta1",
    "Ingress",
    "ingresses",
    Source("a test", NOW.date(), Confidence.HIGH),
    removed=Minor.parse("1.35"),
    replacement=("networking.k8s.io", "v1", "Ingress"),
)


def asks() -> tuple[Ask, ...]:
    return asks_of(some())


def known() -> Context:
    found = some()
    acked = Standing(Phase.ACKED, "ada@example.com", WAVE.at - timedelta(days=2), WAVE, promised=WAVE.at.date())
    return replace(context(found, {found[0].key: acked}), apis=Apis((INGRESS,)))


def _views() -> dict[str, View]:
    first, budget = asks()[0], next(each for each in asks() if each.code == "FK401")
    return {
        "modal_ack": ack(first, known()),
        "modal_ack_without_deadline": ack(asks_of([item(deadline=None)])[0], context([item(deadline=None)])),
        "modal_extend": extend(first, known()),
        "modal_not_mine": not_mine(first, known()),
        "modal_fix_of_an_api": fix_diff(first, known()),
        "modal_fix_by_command": fix_diff(budget, known()),
        "modal_of_what_is_done": ack(asks_of([done(item())])[0], context([done(item())])),
        "home": home("ada@example.com", asks(), known()),
        "home_empty": home("ada@example.com", (), Context(NOW)),
        "home_of_an_approver": home("carol@example.com", (), Context(NOW), (seen().run,)),
    }


VIEWS = _views()


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_reads_as_its_golden_file(name: str) -> None:
    assert_golden(f"messages/{name}.txt", plain(VIEWS[name]))


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_has_the_blocks_of_its_golden_file(name: str) -> None:
    text = json.dumps({"title": VIEWS[name].title, "blocks": VIEWS[name].blocks}, indent=1, ensure_ascii=False)
    assert_golden(f"messages/{name}.json", text + "\n")


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_has_no_mistake(name: str) -> None:
    assert mistakes_of_view(VIEWS[name]) == ()


@pytest.mark.parametrize("name", VIEWS)
def test_slack_takes_the_blocks_of_a_view(name: str) -> None:
    assert of_slack(list(VIEWS[name].blocks), most=100) == ()


def test_the_fix_of_an_api_whose_successor_nobody_knows_has_no_diff() -> None:
    assert "apiVersion" not in plain(fix_diff(asks()[0], replace(known(), apis=Apis())))
