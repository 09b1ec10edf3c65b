"""Helm records: the newest deployed revision, and a payload that anybody may have forged."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.adapters.kube import helm
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.core.model import HelmRelease
from tests.adapters.kube.server import gzipped

LIMIT = 1 << 20


def record(name: str = "web", revision: int = 3, **labels: str) -> structs.Object:
    given_ = {"name": name, "owner": "helm", "status": "deployed", "version": str(revision), **labels}
    return structs.Object(
        structs.ObjectMeta(
            name=f"sh.helm.release.v1.{name}.v{revision}",
            namespace="team",
            uid=f"u{revision}",
            resource_version="9",
            labels=given_,
        )
    )


def payload(**changed: Any) -> bytes:
    chart = {"metadata": {"name": "nginx", "version": "1.2.3", "appVersion": "v9", "dependencies": []}, "values": {}}
    document = {"name": "web", "namespace": "team", "version": 3, "info": {"status": "deployed"}, "chart": chart}
    return json.dumps({**document, "manifest": "kind: X\n" * 500, **changed}).encode()


def packed(content: bytes, times: int = 2) -> str:
    for _ in range(times):
        content = base64.b64encode(content)
    return content.decode()


def read(text: str, in_secret: bool = True) -> HelmRelease:
    found = record()
    holder = structs.ReleaseHolder(found.metadata, structs.ReleasePayload(text))
    return helm.release(helm.revision(found), helm.payload(holder, in_secret, LIMIT)[0])


GOOD = HelmRelease("team", "web", 3, "deployed", "nginx", "1.2.3", "v9", "u3@9")


def test_a_release_is_read_from_a_secret_and_from_a_config_map() -> None:
    assert read(packed(gzipped(payload()))) == GOOD
    assert read(packed(gzipped(payload()), times=1), in_secret=False) == GOOD


def test_an_old_record_that_is_not_packed_is_read() -> None:
    assert read(packed(payload())) == GOOD


UNREADABLE = {
    "nothing": "",
    "no base64": "%%%",
    "base64 once": packed(gzipped(payload()), times=1),
    "no gzip": packed(b"\x1f\x8b junk"),
    "cut gzip": packed(gzipped(payload())[:-20]),
    "no JSON": packed(gzipped(b"apiVersion: v1")),
    "another shape": packed(gzipped(b'{"chart": []}')),
    "nested without end": packed(gzipped(b'{"chart":' + b"[" * 100_000)),
    "a bomb": packed(gzipped(b" " * (64 << 20), 9)),
    "not ASCII": "Ä",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_forged_record_is_a_release_of_unknown_chart(text: str) -> None:
    assert read(text) == HelmRelease("team", "web", 3, "unreadable", "", "", "", "u3@9")


@given(st.binary(max_size=200))
def test_arbitrary_payloads_never_raise(content: bytes) -> None:
    read(packed(content))
    read(packed(gzipped(content)))


def test_of_several_deployed_revisions_the_highest_counts() -> None:
    found = [helm.revision(record(revision=n)) for n in (9, 10, 2)] + [helm.revision(record("api", 1))]
    assert [(r.name, r.number) for r in helm.newest(found)] == [("api", 1), ("web", 10)]


@pytest.mark.parametrize("version", ["", "ten", "-1", "9" * 400], ids=["empty", "a word", "negative", "absurd"])
def test_a_revision_label_that_is_no_number_yields_to_the_records_name(version: str) -> None:
    assert helm.revision(record(revision=4, version=version)).number == 4


def revisions(*names: str) -> list[helm.Revision]:
    return [helm.revision(record(name, number)) for number, name in enumerate(names)]


def same(*names: str) -> list[helm.Revision]:
    return [helm.revision(record(name, 1)) for name in names]


def test_changed_records_are_found_by_the_names_of_their_releases_and_their_numbers() -> None:
    listed = revisions("web", "api", "db")
    selector = "owner=helm,status=deployed,name in (api,web),version in (0,1)"
    assert helm.by_labels(listed[:2], listed, helm.SELECTOR) == selector


def test_old_revisions_are_found_among_many_of_the_same_releases() -> None:
    listed = [helm.revision(record(name, number)) for name in ("web", "api") for number in range(1, 11)]
    missing = [each for each in listed if each.number in {8, 9}]
    selector = "owner=helm,status in (deployed,superseded),name in (api,web),version in (8,9)"
    assert helm.by_labels(missing, listed, helm.HISTORY) == selector


@pytest.mark.parametrize(
    ("missing", "listed"),
    [
        pytest.param(["web"], ["web"] * 50, id="one name that fifty namespaces use"),
        pytest.param(["a) , owner in (x"], ["a) , owner in (x"], id="a name that would change the selector"),
        pytest.param([f"r{n}" for n in range(101)], [f"r{n}" for n in range(101)], id="more than fit an address"),
        pytest.param([], ["web"], id="nothing"),
    ],
)
def test_names_that_select_badly_select_nothing(missing: list[str], listed: list[str]) -> None:
    assert helm.by_labels(same(*missing), same(*listed), helm.SELECTOR) == ""
