"""What to look for in a cluster: each kind that goes away, listed only where nobody counts a deprecated call."""

from datetime import date

import pytest

from fleetkeeper.core.api_rows import ApiRow, Apis, ThirdPartyApiRow
from fleetkeeper.core.api_search import LiveKind, api_names, digest, live_kinds
from fleetkeeper.core.model import Crd
from fleetkeeper.core.rows import Confidence, Source
from fleetkeeper.core.versions import Minor

SOURCE = Source("a test", date(2026, 11, 20), Confidence.HIGH)
GROUP = "networking.k8s.io"


def row(version: str = "v1beta1", to: str = "v1", kind: str = "IPAddress", **more: object) -> ApiRow:
    replacement = (GROUP, to, kind) if to else None
    given: dict[str, object] = {"deprecated": Minor(1, 34), "removed": Minor(1, 37), "replacement": replacement}
    return ApiRow(GROUP, version, kind, "ipaddresses", SOURCE, **{**given, **more})  # type: ignore[arg-type]


def kinds(*rows: ApiRow, minor: int = 36) -> tuple[LiveKind, ...]:
    return live_kinds(Apis(rows), Minor(1, minor), ())


PRESENT = LiveKind("IPAddress", "ipaddresses", (f"{GROUP}/v1",), frozenset({f"{GROUP}/v1beta1"}))


def test_an_old_version_is_looked_for_at_its_successor() -> None:
    assert kinds(row()) == (PRESENT,)


def test_several_old_versions_of_a_kind_are_looked_for_at_once() -> None:
    (found,) = kinds(row(), row("v1alpha1", "v1beta1"))

    assert found.places == (f"{GROUP}/v1",)
    assert found.old == {f"{GROUP}/v1beta1", f"{GROUP}/v1alpha1"}


def test_a_version_that_is_not_deprecated_yet_is_a_place_of_last_resort() -> None:
    (found,) = kinds(row(), minor=33)

    assert found.places == (f"{GROUP}/v1", f"{GROUP}/v1beta1")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(row(to="v1beta2"), id="a successor that may be deprecated itself"),
        pytest.param(row(to=""), id="no successor, and deprecated already"),
        pytest.param(row(replacement=(GROUP, "v1", "Other")), id="a successor of another kind"),
        pytest.param(row(removed=Minor(1, 36)), id="gone at this minor"),
        pytest.param(row(removed=None), id="never removed"),
        pytest.param(row(virtual=True), id="no object of it is stored"),
    ],
)
def test_nothing_is_listed_for(given: ApiRow) -> None:
    assert kinds(given) == ()


def test_a_kind_without_successor_is_lost_and_listed_while_it_is_not_deprecated() -> None:
    (found,) = kinds(row(to=""), minor=33)

    assert (found.places, found.lost) == ((f"{GROUP}/v1beta1",), f"{GROUP}/v1beta1")


def test_successors_that_name_each_other_end() -> None:
    assert kinds(row("v1beta1", "v1beta2"), row("v1beta2", "v1beta1")) == ()


CERTIFICATES = "certificates.cert-manager.io"
OWN = ThirdPartyApiRow("cert-manager", "cert-manager.io", "v1alpha2", ("Certificate",), "cert-manager.io/v1", SOURCE)


def crd(*versions: tuple[str, bool, bool, bool]) -> Crd:
    return Crd(CERTIFICATES, "cert-manager.io", "Certificate", versions)


@pytest.mark.parametrize(
    ("versions", "places"),
    [
        pytest.param([("v1alpha2", True, False, False), ("v1", True, True, False)], ["v1", "v1alpha2"], id="two"),
        pytest.param([("v1alpha2", True, False, True), ("v1", True, True, False)], ["v1"], id="one is deprecated"),
        pytest.param([("v1alpha2", True, False, False), ("v1", False, True, False)], ["v1alpha2"], id="one is served"),
    ],
)
def test_a_custom_kind_is_listed_where_it_is_served_and_not_deprecated(
    versions: list[tuple[str, bool, bool, bool]], places: list[str]
) -> None:
    (found,) = live_kinds(Apis((), (OWN,)), Minor(1, 36), [crd(*versions)])

    assert found.places == tuple(f"cert-manager.io/{place}" for place in places)
    assert (found.kind, found.resource) == ("Certificate", "certificates")
    assert found.old == {"cert-manager.io/v1alpha2"}


def test_a_custom_kind_that_is_only_served_deprecated_is_not_listed() -> None:
    assert live_kinds(Apis((), (OWN,)), Minor(1, 36), [crd(("v1alpha2", True, True, True))]) == ()


def test_names_are_those_of_all_rows_and_their_digest_tells_them_apart() -> None:
    names = api_names(Apis((row(), row("v1alpha1", virtual=True)), (OWN,)))

    assert names == {(f"{GROUP}/v1beta1", "IPAddress"), ("cert-manager.io/v1alpha2", "Certificate")}
    assert digest(names) == digest(frozenset(sorted(names, reverse=True))) != digest(frozenset())
