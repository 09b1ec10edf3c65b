"""Parts as bytes: nothing is lost on the way, whatever a cluster says and whichever release wrote it."""

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetkeeper.adapters.store import codec, items
from fleetkeeper.adapters.store.codec import PARTS, Undecodable
from fleetkeeper.core import model, parts
from fleetkeeper.core.versions import Minor
from tests.contract.observed import addon, node, snapshot, workload

_SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    types.NoneType: st.none(),
    Minor: st.builds(Minor, st.integers(1, 9), st.integers(0, 999)),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type of the model."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(one) for one in arguments))
    if origin in {typing.Union, types.UnionType}:
        return st.one_of(*(values(one) for one in arguments))
    if origin is Mapping:
        return st.dictionaries(*(values(one) for one in arguments), max_size=3)
    if issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_of_any_part_comes_back(part: str, data: st.DataObject) -> None:
    value = data.draw(values(PARTS[part]))
    body, _ = codec.encode(part, value)
    assert codec.decode(part, codec.inflate(*codec.deflate(body))) == value


@pytest.mark.parametrize("part", items.TRACKED)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_tracked_value_comes_back_from_history_without_what_flickers(part: str, data: st.DataObject) -> None:
    value = data.draw(values(PARTS[part]))
    texts = items.items_of(part, value)
    again = items.items_of(part, items.value_of(part, texts))
    assert sorted(again.values()) == sorted(texts.values())


def test_every_part_of_the_model_has_a_type() -> None:
    assert set(PARTS) == {*parts.CLUSTER_PARTS, *parts.SCOPE_PARTS}
    assert set(items.TRACKED) == set(parts.HISTORY_PARTS)


@pytest.mark.parametrize("part", items.TRACKED)
def test_what_history_drops_are_fields_of_the_type(part: str) -> None:
    tracked = items.TRACKED[part]
    names = {field.name for field in dataclasses.fields(tracked.item)}
    assert {*tracked.dropped, *tracked.incidental} <= names


def _damaged(part: str, change: Any) -> bytes:
    plain = msgspec.json.decode(codec.encode(part, snapshot()[part])[0])
    for one in plain if isinstance(plain, list) else [plain]:
        change(one)
    return msgspec.json.encode(plain)


@pytest.mark.parametrize("part", snapshot())
def test_a_field_of_a_newer_release_is_ignored(part: str) -> None:
    assert codec.decode(part, _damaged(part, lambda one: one.update(colour={"red": 1}))) == snapshot()[part]


def test_a_field_that_an_older_release_did_not_store_gets_its_default() -> None:
    body = _damaged(parts.MANAGED_ADDONS, lambda one: (one.pop("role_arn"), one.pop("issues")))
    assert codec.decode(parts.MANAGED_ADDONS, body) == (model.ManagedAddon("coredns", "v1.12.4-eksbuild.1", "ACTIVE"),)


@pytest.mark.parametrize(
    ("part", "body"),
    [
        pytest.param(parts.NODES, b'[{"name": "a"}]', id="a field without a default is missing"),
        pytest.param(parts.PODS, b'{"total": "many", "ownerless": []}', id="another type"),
        pytest.param(parts.INSIGHTS, b"[", id="cut off"),
        pytest.param(parts.ACCOUNT, b"\xff\xfe", id="not even text"),
    ],
)
def test_what_does_not_fit_is_undecodable(part: str, body: bytes) -> None:
    with pytest.raises(Undecodable, match="stored by another version"):
        codec.decode(part, body)


class TestDigest:
    def test_the_order_of_items_does_not_matter(self) -> None:
        one, other = (workload(1), workload(2)), (workload(2), workload(1))
        assert codec.encode(parts.WORKLOADS, one)[1] == codec.encode(parts.WORKLOADS, other)[1]

    def test_the_order_of_labels_does_not_matter(self) -> None:
        one, other = (
            (model.Namespace("a", dict(pairs)),) for pairs in ([("x", "1"), ("y", "2")], [("y", "2"), ("x", "1")])
        )
        assert codec.encode(parts.NAMESPACES, one)[1] == codec.encode(parts.NAMESPACES, other)[1]

    @pytest.mark.parametrize(
        "other", [(node(ready=False),), (node(), node()), (), (node(2),)], ids=["a field", "twice", "none", "another"]
    )
    def test_everything_else_does(self, other: tuple[model.Node, ...]) -> None:
        assert codec.encode(parts.NODES, (node(),))[1] != codec.encode(parts.NODES, other)[1]


class TestItems:
    def test_an_addon_is_known_by_its_id_and_a_second_one_by_a_number(self) -> None:
        found = model.Addons((addon("x", "2"), addon("x", "1"), addon("y", "1")))
        assert list(items.items_of(parts.ADDONS, found)) == ["x", "x (2)", "y"]

    def test_history_writes_minors_as_people_do(self) -> None:
        text = items.items_of(parts.CONTROL_PLANE, snapshot()[parts.CONTROL_PLANE])[""]
        assert items.as_mapping(text)["version"] == "1.34"

    def test_a_field_that_only_one_side_knows_is_no_change(self) -> None:
        assert not items.changed(parts.NODES, '{"name": "a", "old": 1}', '{"name": "a", "new": 2}')
        assert items.changed(parts.NODES, '{"name": "a", "old": 1}', '{"name": "b"}')
