"""The doctor at one API server: the way there, each read, and what the reader may do beyond reading."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from fleetkeeper.engine.probing import CREDENTIAL, ApiServerProbes, Probe, Right, Wanted
from fleetkeeper.engine.proofs import Proof, Result, failed, tried
from fleetkeeper.engine.remedies import for_excess, for_path, for_read
from fleetkeeper.errors import GapReason, ReadError

MUST_NOT = (
    Right("create", "pods"),
    Right("delete", "pods"),
    Right("create", "pods/eviction"),
    Right("create", "pods/exec"),
    Right("patch", "nodes"),
    Right("patch", "deployments.apps"),
    Right("create", "clusterrolebindings.rbac.authorization.k8s.io"),
    Right("impersonate", "users"),
)
"""What changes a cluster, or leads to what does."""

READS_SECRETS = (Right("get", "secrets"), Right("list", "secrets"))
"""What only the opt-in role for Helm releases may."""

IDENTITY = "endpoint identity"


def way(subject: str, id: str, open: Callable[[], ApiServerProbes], eks: bool) -> list[Proof]:
    """Is it the right server, and does it let us in? Each step needs the one before it."""
    return _visit(subject, id, open, eks, lambda _: [])


def everything(subject: str, id: str, open: Callable[[], ApiServerProbes], eks: bool, wanted: Wanted) -> list[Proof]:
    """The way, then each read and each right that must not be there. id is what `onboard` takes."""
    must_not = MUST_NOT if wanted.helm_secrets else MUST_NOT + READS_SECRETS

    def rest(probes: ApiServerProbes) -> list[Proof]:
        every = chain(probes.reads(wanted.helm_secrets), _traced(probes, wanted))
        reads = [tried(subject, p, partial(for_read, id, p.permission)) for p in every]
        return [*reads, *_excess(subject, probes, must_not)]

    return _visit(subject, id, open, eks, rest)


def _traced(probes: ApiServerProbes, wanted: Wanted) -> tuple[Probe, ...]:
    """None where they cannot be chosen: the reads by which they are chosen have failed in rows of their own."""
    try:
        return probes.traced(wanted.apis)
    except ReadError:
        return ()


def _visit(
    subject: str,
    id: str,
    open: Callable[[], ApiServerProbes],
    eks: bool,
    rest: Callable[[ApiServerProbes], list[Proof]],
) -> list[Proof]:
    try:
        probes = open()
    except ReadError as error:
        step = CREDENTIAL if error.reason is GapReason.UNAUTHENTICATED else IDENTITY
        return [failed(subject, step, error, partial(for_path, id, eks, step))]
    proofs = [Proof(Result.PASS, subject, IDENTITY)]
    try:
        for probe in probes.path():
            proofs.append(tried(subject, probe, partial(for_path, id, eks, probe.permission)))
            if proofs[-1].result is not Result.PASS:
                return proofs
        return proofs + rest(probes)
    finally:
        probes.close()


def _excess(subject: str, probes: ApiServerProbes, must_not: tuple[Right, ...]) -> Iterator[Proof]:
    """A server that does not answer one such question answers none."""
    for right in must_not:
        what = f"cannot {right}"
        try:
            allowed = probes.may(right)
        except ReadError as error:
            detail = f"could not be asked, nor any right after it: {error.detail}"
            yield Proof(Result.WARN, subject, what, detail, reason=error.reason)
            return
        if allowed:
            detail = f"the reader may {right}: it can do more than it needs"
            yield Proof(Result.WARN, subject, what, detail, for_excess(right))
        else:
            yield Proof(Result.PASS, subject, what)
