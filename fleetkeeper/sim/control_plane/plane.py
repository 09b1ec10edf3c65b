"""One real control plane on loopback: started, asked, seeded and ended from a test or a benchmark."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fleetkeeper.sim.control_plane import cache, etcd_archive, flags, kwok, pki, processes
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.identity import (
    ADMIN_GROUP,
    Identity,
    TokenUser,
    render_kubeconfig,
    render_token_file,
    render_webhook_config,
    with_token,
)
from fleetkeeper.sim.control_plane.kwok import NodeShape, PodPace
from fleetkeeper.sim.control_plane.wire import Answer, Wire

PATIENCE = 60.0  # seconds for anything that we wait for; a plane starts in about 3 s on an idle machine
POLL = 0.02  # seconds
JSON = "application/json"
ADMIN = TokenUser("fleetkeeper-admin", (ADMIN_GROUP,))
VERSIONED = ("kwok", "scheduler", "controllers", "api-server")  # in the order in which they end


@dataclass(frozen=True, slots=True)
class Options:
    """What a plane runs besides etcd and the API server, and how."""

    controllers: bool = True
    scheduler: bool = True
    kwok: bool = True
    runtime_config: str = ""  # "api/all=true" also serves the beta and alpha groups
    token_users: tuple[TokenUser, ...] = ()
    api_server_flags: tuple[str, ...] = ()
    token_webhook: str = ""  # URL of a TokenReview webhook that is asked about every token that is not static
    etcd_archive: Path | None = None  # what `pack_etcd` wrote: the plane starts with a copy of those objects
    pods: PodPace | None = None  # None: pods are Ready and gone as soon as KWOK sees them


class ControlPlane:
    """etcd, API server and what the options ask for; ends with `stop`, the block, or this process."""

    def __init__(self, minor: str, options: Options | None = None) -> None:
        self._options = options or Options()
        self._programs = cache.find_programs(minor)
        self._authority = pki.Authority()
        self._admin = with_token(ADMIN)
        self._static = {user.user: with_token(user) for user in self._options.token_users}
        self._group: processes.ProcessGroup | None = None
        self._port: processes.ReservedPort | None = None
        self._wires: dict[Identity, Wire] = {}  # loading a CA and a key pair costs more than a request

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts everything and waits until it is ready; on failure nothing is left running."""
        if self._group is not None:
            raise ControlPlaneError("this control plane is already running")
        try:
            self._group = processes.ProcessGroup("fleetkeeper-plane-")
            self._port = processes.ReservedPort()
            self._write_files()
            if self._options.etcd_archive:
                etcd_archive.unpack(self._options.etcd_archive, self._group.folder)
            self._group.start("etcd", flags.etcd(self._programs, self._files))
            self._start_versioned()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends every process within about a second and removes the files; harmless when already stopped."""
        self._wires.clear()
        group, self._group = self._group, None
        port, self._port = self._port, None
        if group is not None:
            group.close()
        if port is not None:
            port.release()

    def pack_etcd(self, archive: Path) -> None:
        """Ends every program and keeps all objects in a file, for `Options.etcd_archive` of planes to come."""
        self._running.end(*VERSIONED)
        self._running.end("etcd")
        etcd_archive.pack(self._files.etcd_data, archive)

    def switch(self, minor: str) -> None:
        """Changes the version in place: another minor's programs on the same etcd, port and identities.

        Raises ControlPlaneError when they do not become ready; then the programs from before run again.
        """
        before, programs = self._programs, cache.find_programs(minor)
        try:
            self._restart(programs)
        except ControlPlaneError as error:
            try:
                self._restart(before)
            except ControlPlaneError as worse:
                raise ControlPlaneError(f"{error}\nand {before.version} did not come back: {worse}") from error
            raise

    def _restart(self, programs: cache.Programs) -> None:
        self._running.end(*VERSIONED)
        self._programs = programs
        self._start_versioned()

    @property
    def version(self) -> str:
        """What is running: "1.36.4"."""
        return self._programs.version

    @property
    def server(self) -> str:
        """The API server's address: https://127.0.0.1:PORT."""
        return f"https://127.0.0.1:{self._reserved.number}"

    @property
    def ca_pem(self) -> str:
        """The certificate of the authority that signed the server's certificate."""
        return self._authority.pem

    @property
    def admin(self) -> Identity:
        """The user who may do everything."""
        return self._admin

    @property
    def admin_token(self) -> str:
        """The admin's bearer token."""
        return self._admin.token

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by program: etcd, api-server, controllers, scheduler, kwok."""
        return self._running.pids

    @property
    def folder(self) -> Path:
        """Where its files and its programs' logs are, until it stops."""
        return self._running.folder

    def token_identity(self, user: str) -> Identity:
        """A user of Options.token_users, with the token."""
        return self._static[user]

    def mint(self, user: str, *groups: str) -> Identity:
        """A new user with these groups and a client certificate, without rights until RBAC gives some."""
        pair = self._authority.client(user, groups)
        return Identity(user, groups, certificate=pair.certificate, key=pair.key)

    def kubeconfig(self, identity: Identity | None = None) -> str:
        """The text of a kubeconfig for a user; for the admin when none is given."""
        return render_kubeconfig(self.server, self.ca_pem, identity or self._admin)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        identity: Identity | None = None,
    ) -> Answer:
        """One raw request, as admin unless an identity is given; every HTTP status is an answer, no error."""
        return self._wire(identity or self._admin).request(method, path, body, content_type)

    def stream(self, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """The lines of one long answer as they come, asked for as admin: see Wire.stream."""
        return self._wire(self._admin).stream(path)

    def create(self, path: str, body: Any) -> Any:
        """Posts an object as admin and answers it as stored; raises ControlPlaneError when it is refused."""
        answer = self.request("POST", path, body)
        if not answer.ok:
            raise ControlPlaneError(f"POST {path}: {answer.status} {answer.body.decode(errors='replace')}")
        return answer.json()

    def create_namespace(self, name: str) -> None:
        """A namespace in which pods can be created at once: its default service account is there."""
        self.create("/api/v1/namespaces", {"metadata": {"name": name}})
        if self._options.controllers:
            self._wait_for_service_account(name)

    def add_nodes(self, names: Iterable[str], shape: NodeShape | None = None) -> None:
        """Creates nodes that KWOK turns Ready, without waiting; by default of the plane's own version."""
        shape = shape or NodeShape(kubelet=f"v{self.version}")
        for name in names:
            self.create("/api/v1/nodes", kwok.node(name, shape))

    def wait_for(self, path: str, accepts: Callable[[Any], bool]) -> Any:
        """Reads a path as admin until its JSON is accepted, and answers it.

        Raises ControlPlaneError after PATIENCE seconds, or when a program has ended meanwhile.
        """
        answer: Answer | None = None
        for _ in self._attempts():
            answer = self.request("GET", path)
            if answer.ok and accepts(answer.json()):
                return answer.json()
        last = answer.body[:2000].decode(errors="replace") if answer else "nothing"
        raise ControlPlaneError(f"waited {PATIENCE:.0f} s for {path}; its last answer was: {last}")

    def start_kwok(self) -> None:
        """Starts KWOK, where Options.kwok left it out."""
        stages = self._programs.kwok_stages
        if self._options.pods is not None:
            stages = kwok.paced(stages, self._options.pods, self._files.folder)
        self._running.start("kwok", kwok.command(self._programs.kwok, self._files.kubeconfig, stages))

    @contextmanager
    def frozen_controllers(self) -> Iterator[None]:
        """Freezes the controller manager for a block, e.g. to meet a budget that nobody has observed yet."""
        self._running.signal("controllers", signal.SIGSTOP)
        try:
            yield
        finally:
            self._running.signal("controllers", signal.SIGCONT)

    def log(self, program: str) -> str:
        """The last lines that a program wrote."""
        return self._running.last_lines(program)

    @property
    def _running(self) -> processes.ProcessGroup:
        if self._group is None:
            raise ControlPlaneError("this control plane is not running")
        return self._group

    @property
    def _reserved(self) -> processes.ReservedPort:
        if self._port is None:
            raise ControlPlaneError("this control plane is not running")
        return self._port

    def _wire(self, identity: Identity) -> Wire:
        wire = self._wires.get(identity)
        if wire is None:
            wire = self._wires[identity] = Wire(self._reserved.number, self.ca_pem, identity)
        return wire

    @property
    def _files(self) -> flags.Files:
        return flags.Files(self._running.folder)

    def _write_files(self) -> None:
        files, serving, signing = self._files, self._authority.server(), pki.signing_keys()
        files.ca.write_text(self.ca_pem)
        files.serving.write_text(serving.certificate + serving.key)
        files.service_account_public.write_text(signing.certificate)
        files.service_account_key.write_text(signing.key)
        files.tokens.write_text(render_token_file((self._admin, *self._static.values())))
        if self._options.token_webhook:
            files.token_webhook.write_text(render_webhook_config(self._options.token_webhook))
        files.kubeconfig.write_text(self.kubeconfig(self.mint(ADMIN.user, *ADMIN.groups)))

    def _start_versioned(self) -> None:
        programs, files = self._programs, self._files
        self._running.start(
            "api-server", [*flags.api_server(programs, files, self._reserved.number), *self._chosen_flags()]
        )
        self._wait_until_ready()
        if self._options.controllers:
            self._running.start("controllers", flags.controller_manager(programs, files))
        if self._options.scheduler:
            self._running.start("scheduler", flags.scheduler(programs, files))
        if self._options.kwok:
            self.start_kwok()
        if self._options.controllers:
            self._wait_for_service_account("default")

    def _chosen_flags(self) -> list[str]:
        chosen = list(self._options.api_server_flags)
        if self._options.token_webhook:
            chosen += flags.token_webhook(self._files)
        if self._options.runtime_config:
            chosen.append(f"--runtime-config={self._options.runtime_config}")
        if not self._options.controllers:
            # Nobody makes the default service accounts that this plug-in demands of every pod.
            chosen.append("--disable-admission-plugins=ServiceAccount")
        return chosen

    def _wait_until_ready(self) -> None:
        for _ in self._attempts():
            with suppress(ControlPlaneError):  # not listening yet
                if self.request("GET", "/readyz").ok:
                    return
        raise ControlPlaneError(f"the API server is not ready after {PATIENCE:.0f} s:\n{self.log('api-server')}")

    def _wait_for_service_account(self, namespace: str) -> None:
        self.wait_for(f"/api/v1/namespaces/{namespace}/serviceaccounts/default", lambda _: True)

    def _attempts(self) -> Iterator[None]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._running.check()
            yield
            time.sleep(POLL)
