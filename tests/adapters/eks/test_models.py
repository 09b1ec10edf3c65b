"""The trimmed models of APIs: what is called is there, whole, and nothing else is."""

import botocore.session
import pytest
from botocore.loaders import Loader

from fleetkeeper.adapters.eks.models import KEPT, SmallLoader
from tests.onboarding import aws_calls


def test_every_operation_that_is_called_is_kept_and_no_other() -> None:
    prefixes = {aws_calls.SERVICES[service] for service in KEPT}
    kept = {f"{aws_calls.SERVICES[service]}:{operation}" for service in KEPT for operation in KEPT[service]}

    called = aws_calls.called() | aws_calls.called(executor=True)
    assert kept == {action for action in called if action.partition(":")[0] in prefixes}


@pytest.mark.parametrize("service", KEPT)
def test_a_kept_operation_is_described_as_botocore_has_it(service: str) -> None:
    whole, trimmed = Loader(), SmallLoader()
    ours, theirs = botocore.session.Session(), botocore.session.Session()
    ours.register_component("data_loader", trimmed)
    theirs.register_component("data_loader", whole)

    assert set(ours.get_service_model(service).operation_names) == KEPT[service]
    model = trimmed.load_service_model(service, "service-2")
    assert model["metadata"] == theirs.get_service_model(service).metadata
    shapes = whole.load_service_model(service, "service-2")["shapes"]
    assert {name: shapes[name] for name in model["shapes"]} == model["shapes"]
    for operation in KEPT[service]:
        shape, whole_shape = (
            session.get_service_model(service).operation_model(operation).output_shape for session in (ours, theirs)
        )
        assert (shape is None) is (whole_shape is None)


def test_other_apis_are_whole() -> None:
    assert SmallLoader().load_service_model("eks", "service-2") == Loader().load_service_model("eks", "service-2")
