"""What `/fleetkeeper ...` asks for."""

import pytest

from fleetkeeper.core.finding import CLUSTER, Subject
from fleetkeeper.core.interacting.slash import Asked, Help, Status, Wave, WhoOwns, parse


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        pytest.param("status", Status(), id="status"),
        pytest.param("  STATUS ", Status(), id="status, shouted"),
        pytest.param("wave", Wave(""), id="every wave"),
        pytest.param("wave run-1", Wave("run-1"), id="one wave"),
        pytest.param("", Help(), id="nothing"),
        pytest.param("help", Help(), id="help"),
        pytest.param("who-owns shop", WhoOwns("shop", CLUSTER), id="a cluster"),
        pytest.param("who-owns shop/-/cluster", WhoOwns("shop", CLUSTER), id="a cluster, as the command line has it"),
        pytest.param("who-owns shop/web", WhoOwns("shop", Subject("Namespace", "web")), id="a namespace"),
        pytest.param(
            "who-owns shop/web/Ingress/api", WhoOwns("shop", Subject("Ingress", "api", "web")), id="an object"
        ),
        pytest.param("who-owns shop/-/Node/ip-1", WhoOwns("shop", Subject("Node", "ip-1")), id="one without namespace"),
        pytest.param(
            "who-owns shop/-/Addon/eks/dns", WhoOwns("shop", Subject("Addon", "eks/dns")), id="a name with a slash"
        ),
    ],
)
def test_it_is_read(text: str, asked: Asked) -> None:
    assert parse(text) == asked


@pytest.mark.parametrize(
    "text",
    ["statsu", "status now", "wave a b", "who-owns", "who-owns /web", "who-owns shop/web/Ingress", "who-owns shop/-"],
)
def test_what_is_not_understood_gets_help_with_what_was_typed(text: str) -> None:
    found = parse(text)
    assert isinstance(found, Help)
    assert text.rsplit(maxsplit=1)[-1] in found.mistake
