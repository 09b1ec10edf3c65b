"""`-l`: what it accepts, what it leaves out before anything is read, and what it refuses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.selector import KEYS, Selector, Term
from fleetkeeper.errors import UsageError

SHOP = {
    "name": "shop-eu",
    "account": "111122223333",
    "region": "eu-west-1",
    "environment": "production",
    "ring": "late",
    "service": "shop",
    "version": "1.34",
    "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/shop-eu",
    "tag:team": "a=b",
    "tag:kubernetes.io/x": "y",
}

CASES: dict[str, tuple[str, bool]] = {
    "nothing selects everything": ("", True),
    "commas alone select everything": (" , ,", True),
    "a value": ("ring=late", True),
    "another value": ("ring=canary", False),
    "two equals signs": ("ring==late", True),
    "not a value": ("ring!=canary", True),
    "not this value": ("ring!=late", False),
    "spaces around": (" ring = late , region != us-east-1 ", True),
    "a pattern": ("name=shop-*", True),
    "a pattern for one character": ("version=1.3?", True),
    "a set of characters": ("version=1.3[45]", True),
    "a pattern that fits nothing": ("name=*-us", False),
    "not a pattern": ("name!=shop-*", False),
    "case counts": ("name=SHOP-*", False),
    "all terms must hold": ("ring=late,service=pay", False),
    "an ARN with its colons": ("arn=arn:aws:eks:*:cluster/shop-eu", True),
    "a tag": ("tag:kubernetes.io/x=y", True),
    "a tag whose value has an equals sign": ("tag:team=a=b", True),
    "a tag that is not there is not that value": ("tag:none=x", False),
    "a tag that is not there is empty": ("tag:none=", True),
    "a tag that must be there": ("tag:team!=", True),
}


@pytest.mark.parametrize(("text", "accepted"), CASES.values(), ids=CASES)
def test_a_selector_accepts(text: str, accepted: bool) -> None:
    assert Selector.parse(text).accepts(SHOP) is accepted


MISTAKES = {
    "no sign": ("ring", "write key=value or key!=value"),
    "an unknown key": ("colour=red", "'colour' is not one of name, account"),
    "no key": ("=x", "'' is not one of"),
    "a tag without a name": ("tag:=x", "'tag:' is not one of"),
    "one good term and one bad": ("ring=late,colour=red", "colour"),
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_selector_that_makes_no_sense_is_refused_with_what_is_accepted(text: str, said: str) -> None:
    with pytest.raises(UsageError) as told:
        Selector.parse(text)

    assert said in str(told.value)


EARLY = {
    "a name decides": ("name=pay", True),
    "a region decides": ("region!=eu-west-1", True),
    "what is not known yet decides nothing": ("ring=canary,tag:team=x", False),
    "a term that holds decides nothing": ("name=shop-*,ring=canary", False),
    "one term is enough": ("ring=late,account=9*", True),
}


@pytest.mark.parametrize(("text", "excluded"), EARLY.values(), ids=EARLY)
def test_a_selector_excludes_by_what_is_known_before_anything_is_read(text: str, excluded: bool) -> None:
    known = {key: SHOP[key] for key in ("name", "account", "region")}
    assert Selector.parse(text).excludes(known) is excluded


def test_what_is_excluded_early_would_not_be_accepted_later() -> None:
    for text, _ in (*CASES.values(), *EARLY.values()):
        selector = Selector.parse(text)
        if selector.excludes({"name": SHOP["name"], "region": SHOP["region"]}):
            assert not selector.accepts(SHOP)


def test_terms_keep_their_order() -> None:
    assert Selector.parse("name=a,ring!=b").terms == (Term("name", "a", True), Term("ring", "b", False))


@given(st.text())
def test_any_text_is_read_or_refused_in_our_words(text: str) -> None:
    try:
        found: Any = Selector.parse(text)
    except UsageError as error:
        found = str(error)
    assert isinstance(found, str) or all(t.key in KEYS or t.key.startswith("tag:") for t in found.terms)
