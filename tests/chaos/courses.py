"""What the engines of a nursery carry out while they are killed: playbooks, and clusters that give every step work."""

import re
from dataclasses import dataclass

from fleetkeeper.data import data_path

FLEET = """
[fleet]
name = "transitions"
epoch = 2026-11-20T09:00:00Z
management_account = "100000000001"

[[account]]
id = "111122223333"
name = "shop"
regions = ["eu-west-1"]
tags = { environment = "prod" }
"""
_CLUSTER = """
[[cluster]]
name = "{name}"
account = "111122223333"
region = "eu-west-1"
version = "{version}"
tags = {{ owner = "team-shop", environment = "prod", ring = "production", service = "shop" }}
addons = {{ {addons} }}
[[cluster.nodes]]
name = "general"
count = 1
[[cluster.workload]]
namespace = "shop"
name = "web"
images = ["ghcr.io/example/shop-web:4.2.0"]
nodes = "general"
"""
_POOL = """
[[cluster.nodes]]
name = "burst"
kind = "karpenter"
count = 1
[[cluster.helm]]
chart = "karpenter"
version = "1.9.0"
app_version = "1.9.0"
namespace = "kube-system"
"""
_PROFILE = """
[[cluster.nodes]]
name = "reports"
kind = "fargate"
count = 1
namespaces = ["reports"]
[[cluster.workload]]
namespace = "reports"
name = "renderer"
images = ["ghcr.io/example/renderer:3.3"]
"""
SETTINGS = """
[store]
url = "sqlite:///fleet.db"

[aws]
regions = ["eu-west-1"]
endpoint_url = "{url}"
requests_per_second = 100
names = ["{cluster}"]

[[aws.accounts]]
id = "111122223333"

[observe]
stale_after_minutes = 1440

[[assess.targets]]
minor = "1.35"

[approvals]
local = true

[approvals.people]
ann = "operator"
bob = "approver"

[[engine.silencers]]
name = "alerts"
kind = "alertmanager"
url = "{alerts}"
matchers = ['cluster="{{cluster}}"']

[[engine.hooks]]
name = "pulls"
url = "{pulls}/{cluster}"
"""
_DIRECT = "[[engine.direct]]\n"
_PROPOSED = '[[engine.proposals]]\nhook = "pulls"\n'
_STAGE = """
[[stages]]
name = "all"
"""
_ADDONS = (
    """
name = "wave"
title = "Update EKS addons"
purpose = "Old addons block the next minor."
changes = "addons"

[[steps]]
name = "preflight"
kind = "preflight"

[[steps]]
name = "update"
kind = "update-addon"
params.addon = "*"
params.version = "latest"
timeout = "14d"
"""
    + _STAGE
)
_SILENCE = """
[[steps]]
name = "silence"
kind = "silence-alerts"
params.source = "alerts"
params.for = "1d"
"""
_LOUD = """
[[steps]]
name = "loud"
kind = "end-silences"
params.source = "alerts"
"""


@dataclass(frozen=True, slots=True)
class Course:
    """What a case runs. moved: the minor to which somebody takes the cluster before, "" for none.

    kinds: of the steps that must have had something to do.
    """

    name: str
    playbook: str
    settings: str
    addons: str
    kinds: tuple[str, ...]
    version: str = "1.34"
    more: str = ""
    moved: str = ""

    def cluster(self, number: int) -> tuple[str, str]:
        """Its name, and how the scenario tells of it."""
        name = f"{self.name}-{number}"
        return name, _CLUSTER.format(name=name, version=self.version, addons=self.addons) + self.more


def _shipped(name: str, bake: str) -> str:
    """The steps of a shipped playbook, with a short bake, silences around its work, and one stage of its own."""
    text = (data_path("playbooks") / f"{name}.toml").read_text("utf-8").partition("[[stages]]")[0]
    usual = (
        f'kind = "bake"\n{"each_hop = true" if name == "minor-upgrade" else ""}'.rstrip() + f'\nparams.for = "{bake}"'
    )
    assert usual in text
    text = text.replace(usual, usual.replace(bake, "5m") + '\nparams.max_age = "1d"')
    text = re.sub(r'timeout = "\w+"', 'timeout = "14d"', text)  # times of the world fly by while the machine works
    first = text.index("[[steps]]", text.index('kind = "preflight"'))
    text = f"{text[:first]}{_SILENCE}\n{text[first:]}{_LOUD}"
    return text.replace(f'name = "{name}"', 'name = "wave"', 1) + _STAGE


AROUND = ("preflight", "silence-alerts", "refresh-insights", "update-addon", "bake", "postflight", "end-silences")
UPGRADE = Course(
    "upgrade",
    _shipped("minor-upgrade", "2h"),
    _DIRECT,
    'coredns = "v1.12.3-eksbuild.1", vpc-cni = "default", kube-proxy = "default"',
    (*AROUND, "hold-nodes", "upgrade-control-plane", "update-nodegroup", "release-nodes", "restart-fargate"),
    more=_POOL + _PROFILE,
)
ROLLBACK = Course(
    "rollback",
    _shipped("rollback", "30m"),
    _DIRECT,
    'coredns = "default", metrics-server = "default", kube-proxy = "default"',
    (*AROUND, "rollback-control-plane"),
    version="1.33",
    moved="1.34",
)
PROPOSAL = Course(
    "proposal", _ADDONS, _PROPOSED, 'coredns = "v1.12.3-eksbuild.1", kube-proxy = "default"', ("propose",)
)
