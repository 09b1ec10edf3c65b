"""One object written in every way that kubectl takes, and texts that only look like one."""

import json
from collections.abc import Callable

Form = Callable[[str, str], tuple[str | bytes, int]]
"""From apiVersion and kind to the text of a file and the line of its apiVersion."""


def block(version: str, kind: str) -> tuple[str, int]:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: web\n  namespace: shop\nspec: {{}}\n", 1


def kind_first(version: str, kind: str) -> tuple[str, int]:
    return f"# a comment: apiVersion: apps/v1\n\nkind: {kind}\nmetadata:\n  name: web\napiVersion: {version}\n", 6


def double_quoted(version: str, kind: str) -> tuple[str, int]:
    return f'---\n"apiVersion": "{version}" # as it was\n"kind": "{kind}"\n', 2


def single_quoted(version: str, kind: str) -> tuple[str, int]:
    return f"'apiVersion': '{version}'\n'kind'  :  '{kind}'\n", 1


def flow(version: str, kind: str) -> tuple[str, int]:
    return f"{{kind: {kind}, metadata: {{name: web}},\n apiVersion: {version}}}\n", 2


def as_json(version: str, kind: str) -> tuple[str, int]:
    return json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": "web"}}, indent=2), 2


def json_slash(version: str, kind: str) -> tuple[str, int]:
    escaped = version.replace("/", "\\/")
    return f'{{"kind":"{kind}",\n\t"apiVersion":"{escaped}"}}', 2


def json_emoji(version: str, kind: str) -> tuple[str, int]:
    """Surrogate pairs, which libyaml does not take, and no line of its own for the apiVersion."""
    return f'{{"note":"\\ud83d\\ude00","apiVersion":"{version}","kind":"{kind}"}}', 1


def json_stream(version: str, kind: str) -> tuple[str, int]:
    return f'{{"apiVersion": "v1", "kind": "Namespace"}}\n{{"apiVersion": "{version}", "kind": "{kind}"}}\n', 2


def hidden(version: str, kind: str) -> tuple[str, int]:
    """The last letter escaped: no search for the text finds it."""
    return f'apiVersion: "{version[:-1]}\\x{ord(version[-1]):02x}"\nkind: "{kind[:-1]}\\u{ord(kind[-1]):04x}"\n', 1


def hidden_by_a_line_break(version: str, kind: str) -> tuple[str, int]:
    return f'apiVersion: "{version[:2]}\\\n  {version[2:]}"\nkind: {kind}\n', 1


def folded(version: str, kind: str) -> tuple[str, int]:
    return f"apiVersion: >-\n  {version}\nkind: |-\n  {kind}\n", 1


def windows(version: str, kind: str) -> tuple[bytes, int]:
    return block(version, kind)[0].replace("\n", "\r\n").encode(), 1


def old_mac(version: str, kind: str) -> tuple[bytes, int]:
    return ("a: 1\n---\n" + block(version, kind)[0]).replace("\n", "\r").encode(), 3


def with_mark(version: str, kind: str) -> tuple[bytes, int]:
    return b"\xef\xbb\xbf" + block(version, kind)[0].encode(), 1


def utf16(version: str, kind: str) -> tuple[bytes, int]:
    return kind_first(version, kind)[0].encode("utf-16"), 6


def utf16_without_mark(version: str, kind: str) -> tuple[bytes, int]:
    return block(version, kind)[0].encode("utf-16-be"), 1


def second_document(version: str, kind: str) -> tuple[str, int]:
    return f"apiVersion: v1\nkind: Namespace\n--- # next\n{block(version, kind)[0]}...\n", 4


def directives(version: str, kind: str) -> tuple[str, int]:
    return f"%YAML 1.1\n%TAG !e! tag:example.com,2026:\n---\n{block(version, kind)[0]}x: !e!y z\n", 4


def member(version: str, kind: str) -> tuple[str, int]:
    return f"apiVersion: v1\nitems:\n- kind: {kind}\n  apiVersion: {version}\nkind: List\n", 4


def nested_member(version: str, kind: str) -> tuple[str, int]:
    inner = f"- apiVersion: v1\n  kind: List\n  items:\n  - apiVersion: {version}\n    kind: {kind}\n"
    return f"kind: List\napiVersion: v1\nitems:\n{inner}", 7


def typed_list(version: str, kind: str) -> tuple[str, int]:
    return f"apiVersion: {version}\nkind: {kind}List\nitems:\n- metadata:\n    name: web\n", 1


def merged(version: str, kind: str) -> tuple[str, int]:
    return f"x-base: &base\n  apiVersion: {version}\n  kind: {kind}\n<<: *base\nmetadata: {{name: web}}\n", 2


def aliased(version: str, kind: str) -> tuple[str, int]:
    return f"metadata:\n  annotations: {{was: &was {version}}}\napiVersion: *was\nkind: {kind}\n", 2


def tagged(version: str, kind: str) -> tuple[str, int]:
    return f"apiVersion: !!str {version}\nkind: &k !!str {kind}\nspec: !vault |\n  x\n", 1


def beside_broken(version: str, kind: str) -> tuple[str, int]:
    """A comment with a tab and a template in a quoted text spoil nothing."""
    return f"#\tnote\n{block(version, kind)[0]}data: '{{{{ .Values.x }}}}'\n", 2


FORMS: tuple[Form, ...] = (
    *(block, kind_first, double_quoted, single_quoted, flow, as_json, json_slash, json_emoji, json_stream, hidden),
    *(hidden_by_a_line_break, folded, windows, old_mac, with_mark, utf16, utf16_without_mark, second_document),
    *(directives, member, nested_member, typed_list, merged, aliased, tagged, beside_broken),
)


def in_config_map(version: str, kind: str) -> str:
    inner = f"    apiVersion: {version}\n    kind: {kind}\n"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata:\n  a.yaml: |\n{inner}"


def in_top_text(version: str, kind: str) -> str:
    return f"|\n apiVersion: {version}\n kind: {kind}\n"


def in_text(version: str, kind: str) -> str:
    quoted = json.dumps(f"apiVersion: {version}\nkind: {kind}\n")
    return f"apiVersion: v1\nkind: Secret\nstringData:\n  a: {quoted}\n"


def in_comment(version: str, kind: str) -> str:
    return f"# apiVersion: {version}\n# kind: {kind}\napiVersion: v1\nkind: ConfigMap\n"


def in_template(version: str, kind: str) -> str:
    """An object inside another one, which only its controller reads."""
    inner = f"    apiVersion: {version}\n    kind: {kind}\n"
    return f"apiVersion: example.com/v1\nkind: Bundle\nspec:\n  template:\n{inner}"


def in_items(version: str, kind: str) -> str:
    inner = f"- apiVersion: {version}\n  kind: {kind}\n"
    return f"apiVersion: example.com/v1\nkind: Bundle\nitems:\n{inner}"


def in_last_applied(version: str, kind: str) -> str:
    applied = json.dumps(json.dumps({"apiVersion": version, "kind": kind}))
    key = "kubectl.kubernetes.io/last-applied-configuration"
    return f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  annotations:\n    {key}: {applied}\n"


def lookalike_group(version: str, kind: str) -> str:
    group, _, number = version.rpartition("/")
    return f"apiVersion: {group or 'core'}.example.com/{number}\nkind: {kind}\n"


def longer_group(version: str, kind: str) -> str:
    return f"apiVersion: my{version if '/' in version else 'core/' + version}\nkind: {kind}\n"


def longer_version(version: str, kind: str) -> str:
    return f"apiVersion: {version}0\nkind: {kind}\n"


def other_kind(version: str, kind: str) -> str:
    return f"apiVersion: {version}\nkind: {kind}Claim0\nspec: {{ref: {{kind: {kind}}}}}\n"


def as_reference(version: str, kind: str) -> str:
    return f"apiVersion: apps/v1\nkind: Deployment\nspec:\n  scaleTargetRef: {{apiVersion: {version}, kind: {kind}}}\n"


LOOKALIKES: tuple[Callable[[str, str], str], ...] = (
    *(in_config_map, in_top_text, in_text, in_comment, in_template, in_items, in_last_applied),
    *(lookalike_group, longer_group, longer_version, other_kind, as_reference),
)

CURRENT = """
v1 Namespace|v1 ConfigMap|v1 Service|v1 Pod|v1 Secret|v1 ServiceAccount|v1 PersistentVolumeClaim
apps/v1 Deployment|apps/v1 StatefulSet|apps/v1 DaemonSet|apps/v1 ReplicaSet|apps/v1 ControllerRevision
batch/v1 Job|batch/v1 CronJob|policy/v1 PodDisruptionBudget|autoscaling/v1 HorizontalPodAutoscaler
autoscaling/v2 HorizontalPodAutoscaler|networking.k8s.io/v1 Ingress|networking.k8s.io/v1 IngressClass
networking.k8s.io/v1 NetworkPolicy|networking.k8s.io/v1 IPAddress|rbac.authorization.k8s.io/v1 Role
rbac.authorization.k8s.io/v1 ClusterRole|storage.k8s.io/v1 StorageClass|storage.k8s.io/v1 CSIDriver
storage.k8s.io/v1 VolumeAttributesClass|scheduling.k8s.io/v1 PriorityClass|node.k8s.io/v1 RuntimeClass
flowcontrol.apiserver.k8s.io/v1 FlowSchema|apiextensions.k8s.io/v1 CustomResourceDefinition
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy|coordination.k8s.io/v1 Lease
discovery.k8s.io/v1 EndpointSlice|events.k8s.io/v1 Event|resource.k8s.io/v1 ResourceClaim
argoproj.io/v1alpha1 Application|monitoring.coreos.com/v1 PrometheusRule|kustomize.config.k8s.io/v1beta1 Kustomization
example.com/v1beta1 Ingress|example.com/v1beta1 PodDisruptionBudget|serving.kserve.io/v1beta1 InferenceService
""".strip().replace("\n", "|")
