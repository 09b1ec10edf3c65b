"""Arbitrary JSON for each document gives values or a ReadError, never anything else."""

from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.adapters.kube import convert, convert_around, helm, notes, traces
from fleetkeeper.adapters.kube.documents import around, structs
from fleetkeeper.adapters.kube.reading import decode
from fleetkeeper.core.api_search import LiveKind
from fleetkeeper.errors import InvalidAnswer

FIELDS = sorted(
    {
        f.encode_name
        for s in (*vars(structs).values(), *vars(around).values())
        if isinstance(s, type) and issubclass(s, msgspec.Struct) and s is not msgspec.Struct
        for f in msgspec.structs.fields(s)
    }
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["True", "Ready", "2026-11-20T12:00:00Z", "2026-11-20T12:00:00", "9999-99-99T00:00:00Z"])
)
# Keys that we read come often, so that the fuzz gets past the first field.
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), inner),
    max_leaves=25,
)

LIVE = LiveKind("Kind", "kinds", ("a/v1",), frozenset({"", "a"}), "a")

KINDS: dict[str, tuple[Any, Any]] = {
    "node": (structs.Node, convert.node),
    "deployment": (structs.Templated, partial(convert.templated, "Deployment")),
    "job": (structs.Job, partial(convert.templated, "Job")),
    "cron job": (structs.CronJob, convert.cron_job),
    "pod": (structs.Pod, convert.pod),
    "namespace": (structs.Object, convert.namespace),
    "crd": (structs.Crd, convert.crd),
    "helm record": (structs.ReleaseHolder, helm.revision),
    "version": (structs.Version, str),
    "helm payload": (structs.Release, str),
    "status": (structs.Status, str),
    "pod notes": (structs.Pod, lambda pod: list(notes.notes_of(pod))),
    "budget": (around.Budget, convert_around.budget),
    "scaler": (around.Scaler, convert_around.minimum),
    "volume": (around.Volume, convert_around.volume),
    "webhooks": (around.WebhookConfiguration, lambda found: list(convert_around.webhooks("Kind", found))),
    "endpoint slice": (around.EndpointSlice, lambda found: list(convert_around.ready_endpoints(found))),
    "aggregated API": (around.ApiService, convert_around.api_service),
    "traces": (around.Traced, lambda found: list(traces.traces_of(found, LIVE))),
    "settings": (around.Configured, str),
    "discovery": (around.Discovery, str),
    "list of pods": (structs.ListOf[structs.Pod], lambda page: [convert.pod(p) for p in page.items or ()]),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)  # the first example also builds the decoder
@given(document=DOCUMENTS, as_object=st.booleans())
def test_arbitrary_json_is_a_value_or_an_invalid_answer(kind: str, document: Any, as_object: bool) -> None:
    struct, convert_ = KINDS[kind]
    if as_object and not isinstance(document, dict):
        document = {"metadata": {"name": "a"}, "spec": document, "status": document, "data": document}
    read(struct, convert_, msgspec.json.encode(document))


@pytest.mark.parametrize("kind", KINDS)
@given(body=st.binary(max_size=60) | st.text(alphabet='{}[]":,\\ud80tnf0e-1 ', max_size=60).map(str.encode))
def test_arbitrary_bytes_are_an_invalid_answer(kind: str, body: bytes) -> None:
    read(*KINDS[kind], body)


def read(struct: Any, convert_: Any, body: bytes) -> None:
    with suppress(InvalidAnswer):
        convert_(decode(msgspec.json.Decoder(struct), body, "/path"))
