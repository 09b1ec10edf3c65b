"""Proves every permission by really using it once, and that the reader cannot change a thing. Stores nothing."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import groupby

from fleetkeeper.engine import diagnose_cluster, remedies
from fleetkeeper.engine.observe import Choice
from fleetkeeper.engine.ports import Cloud, Clouds
from fleetkeeper.engine.probing import CloudProbes, KubeProbes, Probe, Wanted
from fleetkeeper.engine.proofs import Proof, Result, failed, tried
from fleetkeeper.engine.remedies import for_cloud
from fleetkeeper.errors import GapReason, ReadError, UsageError

# A request must arrive within five minutes of the time that it was signed at:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html (2026-11)
WORST_SKEW = timedelta(minutes=5)

# After one of these, the next call to the same place would only wait as long for the same answer.
_HOPELESS = frozenset({GapReason.UNREACHABLE, GapReason.TIMEOUT, GapReason.UNAUTHENTICATED})

_CLOCK = "clock against AWS"
_DESCRIBE = "eks:DescribeCluster"


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to be tried."""

    cloud: Cloud
    name: str

    @property
    def arn(self) -> str:
        scope = self.cloud.scope
        return f"arn:{scope.partition}:eks:{scope.region}:{scope.account}:cluster/{self.name}"

    @property
    def subject(self) -> str:
        return f"{self.cloud.scope}/{self.name}"


@dataclass(frozen=True, slots=True)
class _Visit:
    """What was found at one place, and the clusters there."""

    proofs: tuple[Proof, ...]
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Doctor:
    """Tries everything that an observation needs. threads: how many accounts or clusters are tried at once."""

    clouds: Clouds
    aws: CloudProbes
    kube: KubeProbes
    store: tuple[Probe, ...]
    choice: Choice
    wanted: Wanted
    threads: int
    cancel: threading.Event

    def fleet(self) -> tuple[Proof, ...]:
        """The database, every account and region, and the way to every cluster."""
        proofs = [tried("database", probe, lambda _: "") for probe in self.store]
        clouds, undiscovered = self._discovered()
        alone = [name for name in self.kube.standalone() if self.choice.wants_name(name, None)]
        if clouds or undiscovered:
            proofs += [*self._own_credentials(), *undiscovered]
        elif not alone:
            detail = "there is nothing to observe"
            proofs.append(Proof(Result.WARN, "configuration", "accounts or clusters", detail, remedies.ADD_SOMETHING))
        accounts = [tuple(some) for _, some in groupby(clouds, lambda cloud: cloud.scope.account)]
        with self._pool() as pool:
            visits = list(pool.map(self._account, accounts))
            proofs += [proof for visit in visits for proof in visit.proofs]
            for found in pool.map(self._way_to, [target for visit in visits for target in visit.targets]):
                proofs += found
            for found in pool.map(self._way_to_alone, alone):
                proofs += found
        return tuple(proofs)

    def cluster(self, text: str) -> tuple[Proof, ...]:
        """One cluster by name or ARN with every permission of it; UsageError when there is none, or several."""
        if text in self.kube.standalone():
            open = partial(self.kube.of_kubeconfig, text)
            return tuple(diagnose_cluster.everything(text, text, open, eks=False, wanted=self.wanted))
        clouds, undiscovered = self._discovered()
        found = self._named(text, clouds)
        if len(found.targets) > 1:
            arns = ", ".join(target.arn for target in found.targets)
            raise UsageError(f"{text} is the name of several clusters; give the ARN: {arns}")
        if found.targets:
            return (*self._own_credentials(), *self._whole(found.targets[0]))
        if undiscovered or found.proofs:
            return (*self._own_credentials(), *undiscovered, *found.proofs)
        raise UsageError(
            f"no cluster {text} in the {len(clouds)} accounts and regions that are configured: "
            "look at `fleetkeeper get clusters`, or add its account (`fleetkeeper onboard ACCOUNT`)"
        )

    def _discovered(self) -> tuple[Sequence[Cloud], list[Proof]]:
        clouds, gaps = self.clouds.open()
        fixes = {"organization": remedies.DESCRIBE_ORGANIZATION}
        return clouds, [
            Proof(Result.FAIL, name, "discovery of accounts", gap.detail, fixes.get(name, ""), gap.reason)
            for name, gap in gaps.items()
        ]

    def _own_credentials(self) -> list[Proof]:
        caller = self.aws.caller()
        return [tried("credentials", caller, partial(for_cloud, "", "", caller.permission)), self._clock()]

    def _clock(self) -> Proof:
        try:
            skew = self.aws.clock_skew()
        except ReadError as error:
            return Proof(Result.WARN, "credentials", _CLOCK, f"not measured: {error}", reason=error.reason)
        seconds = round(abs(skew).total_seconds())
        detail = f"{seconds} s {'behind' if skew > timedelta() else 'ahead'}" if seconds else "the same"
        if abs(skew) > WORST_SKEW:
            reason = GapReason.UNAUTHENTICATED
            return Proof(Result.FAIL, "credentials", _CLOCK, detail, remedies.SET_CLOCK, reason)
        return Proof(Result.PASS, "credentials", _CLOCK, detail)

    def _account(self, clouds: tuple[Cloud, ...]) -> _Visit:
        """One account: become its reader once, then try each of its regions."""
        signed_in = self._signed_in(clouds[0])
        if signed_in.result is Result.FAIL or self.cancel.is_set():
            return _Visit((signed_in,))
        visits = [self._scope(cloud) for cloud in clouds]
        proofs = (signed_in, *(proof for visit in visits for proof in visit.proofs))
        return _Visit(proofs, tuple(target for visit in visits for target in visit.targets))

    def _signed_in(self, cloud: Cloud) -> Proof:
        probe, account = self.aws.sign_in(cloud), cloud.scope.account
        return tried(account, probe, partial(for_cloud, account, "", probe.permission))

    def _scope(self, cloud: Cloud) -> _Visit:
        """Every read of a region, on the first cluster of it that is wanted."""
        listed = self._listed(cloud)
        if listed.proofs[0].reason in _HOPELESS:
            return listed
        sample = listed.targets[0].name if listed.targets else ""
        return _Visit((*listed.proofs, *self._reads(cloud, sample)), listed.targets)

    def _listed(self, cloud: Cloud) -> _Visit:
        """The clusters of a region that are wanted; the one proof is that of listing them."""
        proof = self._tried_in(cloud, self.aws.reads(cloud, "", audit_logs=False)[0])
        if proof.result is not Result.PASS:
            return _Visit((proof,))
        try:
            names = [name for name in cloud.cluster_names() if self.choice.wants_name(name, cloud.scope)]
        except ReadError as error:
            return _Visit((self._failed_in(cloud, proof.what, error),))
        return _Visit((proof,), tuple(Target(cloud, name) for name in names))

    def _reads(self, cloud: Cloud, sample: str) -> Iterator[Proof]:
        """All but the first read, which is listing."""
        for probe in self.aws.reads(cloud, sample, self.wanted.audit_logs)[1:]:
            proof = self._tried_in(cloud, probe)
            yield proof
            if proof.reason in _HOPELESS or self.cancel.is_set():
                return

    def _tried_in(self, cloud: Cloud, probe: Probe) -> Proof:
        fix = partial(for_cloud, cloud.scope.account, cloud.scope.region, probe.permission)
        return tried(str(cloud.scope), probe, fix)

    def _failed_in(self, cloud: Cloud, what: str, error: ReadError, subject: str = "") -> Proof:
        fix = partial(for_cloud, cloud.scope.account, cloud.scope.region, what)
        return failed(subject or str(cloud.scope), what, error, fix)

    def _named(self, text: str, clouds: Sequence[Cloud]) -> _Visit:
        """The clusters of that name or ARN; proofs are of accounts and regions that could not be looked into."""
        if text.startswith("arn:"):
            possible = (Target(cloud, text.rpartition("/")[2]) for cloud in clouds)
            return _Visit((), tuple(target for target in possible if target.arn == text))
        with self._pool() as pool:
            visits = list(pool.map(self._looked_into, clouds))
        failures = (proof for visit in visits for proof in visit.proofs if proof.result is not Result.PASS)
        targets = (target for visit in visits for target in visit.targets if target.name == text)
        return _Visit(tuple(dict.fromkeys(failures)), tuple(targets))

    def _looked_into(self, cloud: Cloud) -> _Visit:
        signed_in = self._signed_in(cloud)
        return _Visit((signed_in,)) if signed_in.result is Result.FAIL else self._listed(cloud)

    def _whole(self, target: Target) -> list[Proof]:
        """The account, the region and the API server of one cluster."""
        proofs = [self._signed_in(target.cloud)]
        if proofs[0].result is Result.FAIL:
            return proofs
        proofs.append(self._tried_in(target.cloud, self.aws.reads(target.cloud, "", audit_logs=False)[0]))
        if proofs[1].reason in _HOPELESS:
            return proofs
        proofs += self._reads(target.cloud, target.name)
        return proofs + self._api_server(target, whole=True)

    def _way_to(self, target: Target) -> list[Proof]:
        return [] if self.cancel.is_set() else self._api_server(target, whole=False)

    def _way_to_alone(self, name: str) -> list[Proof]:
        if self.cancel.is_set():
            return []
        return diagnose_cluster.way(name, name, partial(self.kube.of_kubeconfig, name), eks=False)

    def _api_server(self, target: Target, whole: bool) -> list[Proof]:
        cloud, subject = target.cloud, target.subject
        try:
            id, control_plane = cloud.cluster(target.name)
        except ReadError as error:
            return [self._failed_in(cloud, _DESCRIBE, error, subject)]
        if not whole and any(control_plane.tags.get(key) != value for key, value in self.choice.tags.items()):
            return []
        open = partial(self.kube.of_eks, cloud, id, control_plane)
        if whole:
            return diagnose_cluster.everything(subject, id.arn, open, eks=True, wanted=self.wanted)
        return diagnose_cluster.way(subject, id.arn, open, eks=True)

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        """Bounded threads; on Ctrl-C what has not begun is dropped, and what has is told to stop."""
        with ThreadPoolExecutor(self.threads, "doctor") as pool:
            try:
                yield pool
            except BaseException:
                self.cancel.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
