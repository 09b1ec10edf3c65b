"""The front door of the simulated AWS: who asks, what goes wrong on purpose, who answers, and is the answer lawful."""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from fleetkeeper.sim.aws import (
    audit_log,
    auto_scaling,
    ec2,
    eks,
    eks_catalog,
    eks_nodes,
    faults,
    organizations,
    roles_and_keys,
    small_apis,
    sts,
    target_groups,
    trail,
    troubles,
    usage,
    writes,
)
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Elsewhere, Operation, Violation
from fleetkeeper.sim.aws.credentials import Keys
from fleetkeeper.sim.aws.errors import broken, dialect_of, error_reply, forbidden, throttled, xml_error
from fleetkeeper.sim.aws.http import Later, Reply, Request
from fleetkeeper.sim.aws.models import operation_model, service_model
from fleetkeeper.sim.aws.moto_rest import MotoRest, NotSimulated
from fleetkeeper.sim.aws.parse import Asked, read_credential, read_operation, read_params
from fleetkeeper.sim.aws.stale import Past, named_cluster
from fleetkeeper.sim.aws.wire import AnswerWriter
from fleetkeeper.sim.faults import Encounter, Fault, Harm, Side
from fleetkeeper.sim.world import SimCluster, World

# Answers that depend on nothing but their parameters; they are written once and kept.
_LASTING = frozenset({("eks", "DescribeAddonVersions")})
_KEPT_ANSWERS = 512


class Asking(NamedTuple):
    """What stats() counts: operation in the form of an IAM action, such as eks:DescribeCluster."""

    account: str
    region: str
    operation: str


@dataclass(frozen=True, slots=True)
class _Errand:
    """A request on its way: what it means, whose it is, and the protocol in which it is answered."""

    request: Request
    asked: Asked
    region: str
    protocol: str
    request_id: str


class Front:
    """The application behind the HTTP server. Thread-safe; takes the world's lock while it reads the world."""

    def __init__(self, world: World, keys: Keys, stage: Backstage) -> None:
        self._world = world
        self._stage = stage
        self._past = Past()
        self._keys = keys
        self._moto = MotoRest()
        self._operations: Mapping[str, Mapping[str, Operation]] = {
            "arc-zonal-shift": troubles.arc_zonal_shift(),
            "autoscaling": auto_scaling.operations() | writes.autoscaling(stage),
            "cloudtrail": trail.operations(),
            "cloudwatch": usage.operations(),
            "ec2": ec2.operations(),
            "eks": eks.operations() | eks_nodes.operations() | eks_catalog.operations() | writes.eks(stage),
            "elbv2": target_groups.operations(),
            "health": troubles.health(),
            "iam": roles_and_keys.iam(),
            "kms": roles_and_keys.kms(),
            "logs": audit_log.Queries().operations(),
            "organizations": organizations.operations(),
            "service-quotas": small_apis.service_quotas(),
            "ssm": small_apis.ssm(),
            "sts": sts.operations(keys),
        }
        self._writer = lru_cache(maxsize=None)(_writer)
        self._kept: dict[tuple[str, str], bytes] = {}
        self._numbers = itertools.count(1)
        self._counts: Counter[Asking] = Counter()
        self._lock = threading.Lock()
        self.violations: list[str] = []

    def stats(self) -> dict[Asking, int]:
        """How often each operation was asked for, faults and refusals included."""
        with self._lock:
            return dict(self._counts)

    def clock(self, account: str, region: str, cluster_name: str) -> datetime:
        """The time by which STS judges the token of a cluster: the wall's, but for a fault of GetCallerIdentity."""
        cluster = eks.DIRECTORY.find(self._world, account, region, cluster_name)
        key = cluster.key if cluster else ""
        met = Encounter(Side.AWS, account, region, key, "GetCallerIdentity", fits=lambda each: each.kind == Harm.SKEW)
        fault = self._world.fault(met) if self._world.faults else None
        return datetime.now(UTC) + timedelta(seconds=fault.seconds if fault else 0.0)

    def __call__(self, request: Request) -> Reply | Later:
        request_id = f"00000000-0000-4000-8000-{next(self._numbers):012x}"
        try:
            return self._receive(request, request_id)
        except Exception as error:  # a bug of the simulator must be seen by the caller, not end as a silent hang
            return self._violated("", "", "query", Violation(f"{type(error).__name__}: {error}"))

    def _receive(self, request: Request, request_id: str) -> Reply | Later:
        credential = read_credential(request)
        asked = read_operation(request, credential.signing_name if credential else "")
        model = service_model(asked.service)
        protocol = str(model.protocol) if model is not None else "query"
        errand = _Errand(request, asked, credential.region if credential else "", protocol, request_id)
        if credential is None:
            message = "Request is missing Authentication Token"
            return self._refuse(errand, AwsError(dialect_of(protocol).unsigned, message))
        try:
            principal = self._keys.principal(credential, protocol)
            params = read_params(request, asked)
        except AwsError as error:
            return self._refuse(errand, error)
        call = Call(self._world, asked.service, asked.operation, principal, credential.region, params)
        return self._attend(errand, call)

    def _attend(self, errand: _Errand, call: Call) -> Reply | Later:
        # A role that is assumed belongs to the account that it leads to: that is the account that faults select.
        account = (sts.account_of_role(call.params) if call.operation == "AssumeRole" else "") or call.account
        with self._lock:
            self._counts[Asking(account, call.region, f"{call.service}:{call.operation}")] += 1
        fault = self._fault(errand, call, account)
        if fault is None:
            return self._answer(errand, call)
        return self._harm(errand, call, fault)

    def _fault(self, errand: _Errand, call: Call, account: str) -> Fault | None:
        self._past.sight(call)
        if not self._world.faults:
            return None
        cluster = self._cluster(call, account)
        return self._world.fault(
            Encounter(
                Side.AWS,
                account,
                call.region,
                cluster.key if cluster else "",
                call.operation,
                fits=lambda fault: faults.fits(fault, errand.asked, named=cluster is not None),
            )
        )

    def _cluster(self, call: Call, account: str) -> SimCluster | None:
        """The cluster that an EKS call names, by its own name or by an ARN, if there is one."""
        name = named_cluster(call.params) if call.service == "eks" else ""
        return eks.DIRECTORY.find(self._world, account, call.region, name) if name else None

    def _harm(self, errand: _Errand, call: Call, fault: Fault) -> Reply | Later:
        if fault.kind == Harm.THROTTLE:
            return _told_when(self._refuse(errand, throttled(call.service, call.operation)), fault)
        if fault.kind == Harm.FORBID:
            return self._refuse(errand, forbidden(call, _resource(call)))
        if fault.kind == Harm.ERROR:
            return _told_when(self._refuse(errand, broken(call.service, call.operation, fault.status)), fault)
        if fault.kind == Harm.STALE:
            with self._world.lock:
                self._stage.catch_up()
                past = self._past.call(call, self._cluster(call, call.account), fault.seconds)
            return self._answer(errand, past)
        if fault.kind == Harm.SKEW:
            refusal = faults.mistimed(errand.request, errand.protocol, fault.seconds)
            if refusal is not None:
                return faults.spoiled(self._refuse(errand, refusal), fault)
        silence = faults.silent(fault)
        return silence or _then(self._answer(errand, call), lambda reply: faults.spoiled(reply, fault))

    def _answer(self, errand: _Errand, call: Call) -> Reply | Later:
        operation = self._operations.get(call.service, {}).get(call.operation)
        if operation is None:
            return lambda: self._from_moto(errand, call)
        try:
            with self._world.lock:
                self._stage.catch_up()
                before = self._past.before(call, self._cluster(call, call.account))
                body = self._written(errand, call, operation)
                self._past.keep(call, before)
        except Elsewhere:
            return lambda: self._from_moto(errand, call)
        except AwsError as error:
            return self._refuse(errand, error)
        except Violation as violation:
            return self._violated(call.service, call.operation, errand.protocol, violation)
        writer = self._writer(call.service, call.operation)
        return Reply(200, {"Content-Type": writer.content_type, "x-amzn-RequestId": errand.request_id}, body)

    def _written(self, errand: _Errand, call: Call, operation: Operation) -> bytes:
        writer = self._writer(call.service, call.operation)
        if (call.service, call.operation) not in _LASTING:
            return writer.body(operation(call), errand.request_id)
        key = (call.operation, errand.request.query)
        if key not in self._kept:
            if len(self._kept) >= _KEPT_ANSWERS:
                self._kept.clear()
            self._kept[key] = writer.body(operation(call), errand.request_id)
        return self._kept[key]

    def _from_moto(self, errand: _Errand, call: Call) -> Reply:
        if call.service in {"eks", "organizations"} or not call.operation:
            # These belong to the world alone: moto's copy would be another fleet.
            return self._not_simulated(errand, call)
        try:
            return self._moto.answer(errand.request, call.account, call.service, call.operation)
        except NotSimulated:
            return self._not_simulated(errand, call)
        except Exception as error:  # moto may fail in any way; it must come out as loud as a wrong answer
            trouble = error if isinstance(error, Violation) else Violation(f"moto: {type(error).__name__}: {error}")
            return self._violated(call.service, call.operation, errand.protocol, trouble)

    def _not_simulated(self, errand: _Errand, call: Call) -> Reply:
        what = f"{call.service} {call.operation or errand.request.method + ' ' + errand.request.path}"
        return self._violated(call.service, call.operation, errand.protocol, Violation(f"{what} is not simulated"))

    def _refuse(self, errand: _Errand, error: AwsError) -> Reply:
        service, operation = errand.asked.service, errand.asked.operation
        try:
            return error_reply(service, operation, errand.protocol, error, errand.request_id)
        except Violation as violation:
            return self._violated(service, operation, errand.protocol, violation)

    def _violated(self, service: str, operation: str, protocol: str, violation: Violation) -> Reply:
        """The loud 500: kept in violations too, because clients repeat a 500 and may swallow it in the end."""
        text = f"the simulator broke the API of {service} {operation}: {violation}"
        self.violations.append(text)
        if "json" in protocol:
            headers = {"Content-Type": "application/json", "X-Amzn-ErrorType": "SimulatorViolation"}
            return Reply(500, headers, json.dumps({"__type": "SimulatorViolation", "message": text}).encode())
        body = xml_error(protocol, AwsError("SimulatorViolation", text), 500, "simulator")
        return Reply(500, {"Content-Type": "text/xml"}, body)


def _writer(service: str, operation: str) -> AnswerWriter:
    model = operation_model(service, operation)
    if model is None:
        raise Violation(f"botocore knows no {service} {operation}")
    return AnswerWriter(model)


def _told_when(reply: Reply, fault: Fault) -> Reply:
    """The reply with the seconds that the client should wait, where the fault says some."""
    headers = {**reply.headers, "Retry-After": str(fault.retry_after)} if fault.retry_after else reply.headers
    return replace(reply, headers=headers)


def _then(answer: Reply | Later, spoil: Callable[[Reply], Reply]) -> Reply | Later:
    return spoil(answer) if isinstance(answer, Reply) else lambda: spoil(answer())


def _resource(call: Call) -> str:
    """The ARN that AWS names when it refuses: the cluster or the role at hand, else everything."""
    name: Any = call.params.get("clusterName") or call.params.get("name")
    if call.service == "eks" and name:
        return f"arn:{call.partition}:eks:{call.region}:{call.account}:cluster/{name}"
    if call.service == "eks":
        return f"arn:{call.partition}:eks:{call.region}:{call.account}:cluster/*"
    return str(call.params.get("RoleArn", "*"))
