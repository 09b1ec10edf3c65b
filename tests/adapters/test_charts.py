"""Charts as `scan` renders them by the real helm: for the target minor, told at their templates, and never skipped."""

import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.adapters.manifests import charts
from fleetkeeper.adapters.manifests.source import Count, Source
from fleetkeeper.core.chart_capabilities import capabilities
from fleetkeeper.core.manifests import Manifest, Unjudged
from fleetkeeper.core.scan import names_that_matter
from fleetkeeper.core.scan_screen import Screen
from fleetkeeper.core.versions import Minor

TARGET = Minor(1, 36)
APIS = read_compat([]).apis
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
OLD = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: web}\n"
NEW = OLD.replace("v1beta1", "v1")
CRD = "apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata: {name: a.b.c}\n"

Seen = list[Manifest | Unjudged]
Scan = Callable[..., Seen]


@pytest.fixture
def scan(tmp_path: Path, helm: Path, monkeypatch: pytest.MonkeyPatch) -> Scan:
    """Writes a chart's files by their paths into the folder web, and scans it with the real helm on the PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(helm.parent))
    monkeypatch.setenv("HOME", str(tmp_path))  # where helm looks for plugins and repositories

    def of(files: dict[str, str], *, target: Minor = TARGET, namespace: str = "", chart: str = CHART) -> Seen:
        for name, text in {"Chart.yaml": chart, **files}.items():
            path = tmp_path / "web" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        screen = Screen(names_that_matter(APIS, target))
        return list(Source(screen, capabilities(APIS, target), namespace, Count()).read(["web"]))

    return of


def brief(found: Sequence[Manifest | Unjudged]) -> list[tuple[str, str, int]]:
    """(cause or apiVersion, file below web, line)."""
    return [
        (
            each.cause.value if isinstance(each, Unjudged) else each.api_version,
            each.file.removeprefix("web/"),
            each.line,
        )
        for each in found
    ]


def told(found: Sequence[Manifest | Unjudged]) -> list[str]:
    return [each.text for each in found if isinstance(each, Unjudged)]


def test_templates_values_subcharts_hooks_and_crds_are_told_where_they_are_written(scan: Scan) -> None:
    files = {
        "values.yaml": "version: policy/v1beta1\n",
        "templates/_names.tpl": '{{ define "web.name" }}web-{{ .Release.Namespace }}{{ end }}',
        "templates/plain.yaml": f"# as it is\n{OLD}",
        "templates/values.yaml": "kind: PodDisruptionBudget\napiVersion: {{ .Values.version }}\n"
        'metadata: {name: {{ include "web.name" . }}}\n',
        "templates/many.yaml": f"{NEW}---\n{{{{- range until 2 }}}}\n---\n{OLD}{{{{- end }}}}\n",
        "templates/off.yaml": f"{{{{ if .Values.budget }}}}\n{OLD}{{{{ end }}}}\n",
        "templates/tests/hook.yaml": OLD.replace("web}", 'web, annotations: {"helm.sh/hook": test}}'),
        "templates/NOTES.txt": "apiVersion: policy/v1beta1\n",
        "crds/crd.yaml": f"{CRD}---\n{CRD}",
        "charts/sub/Chart.yaml": CHART.replace("web", "sub"),
        "charts/sub/templates/inner.yaml": OLD,
    }
    found = scan(files, namespace="shop")
    assert sorted(brief(found)) == [
        ("apiextensions.k8s.io/v1beta1", "crds/crd.yaml", 1),
        ("apiextensions.k8s.io/v1beta1", "crds/crd.yaml", 1),
        ("policy/v1beta1", "charts/sub/templates/inner.yaml", 1),
        ("policy/v1beta1", "templates/many.yaml", 7),
        ("policy/v1beta1", "templates/many.yaml", 7),
        ("policy/v1beta1", "templates/plain.yaml", 2),
        ("policy/v1beta1", "templates/tests/hook.yaml", 1),
        ("policy/v1beta1", "templates/values.yaml", 2),
    ]
    assert {each.name for each in found if isinstance(each, Manifest)} == {"a.b.c", "web", "web-shop"}


@pytest.mark.parametrize(
    ("guard", "target", "has_old"),
    [
        pytest.param('semverCompare "<1.25-0" .Capabilities.KubeVersion.Version', "1.36", False, id="an old minor"),
        pytest.param(
            'semverCompare "<1.25-0" .Capabilities.KubeVersion.Version', "1.24", True, id="that is the target"
        ),
        pytest.param("lt (int .Capabilities.KubeVersion.Minor) 25", "1.36", False, id="an old minor as a number"),
        pytest.param('not (.Capabilities.APIVersions.Has "policy/v1")', "1.36", False, id="lack of the new"),
        pytest.param(
            'not (.Capabilities.APIVersions.Has "policy/v1/PodDisruptionBudget")', "1.36", False, id="of its kind"
        ),
        pytest.param('not (.Capabilities.APIVersions.Has "batch/v1/CronJob")', "1.36", False, id="lack of a successor"),
        pytest.param('.Capabilities.APIVersions.Has "policy/v1beta1"', "1.36", False, id="the old, which is gone"),
        pytest.param("$.Capabilities.APIVersions.Has `policy/v1beta1`", "1.36", False, id="the old by another quote"),
        pytest.param(
            '.Capabilities.APIVersions.Has "policy/v1beta1"', "1.24", True, id="the old, which is still there"
        ),
        pytest.param(
            '.Capabilities.APIVersions.Has "policy/v1beta1/PodDisruptionBudget"', "1.36", False, id="its kind"
        ),
        pytest.param(
            '.Capabilities.APIVersions.Has "policy/v1beta1/PodDisruptionBudget"', "1.24", True, id="and there"
        ),
        pytest.param('not (has "policy/v1" .Capabilities.APIVersions)', "1.36", False, id="a list of versions"),
    ],
)
def test_what_a_template_asks_of_the_cluster_is_answered_as_by_the_target(
    guard: str, target: str, has_old: bool, scan: Scan
) -> None:
    major, _, minor = target.partition(".")
    text = f"\n{{{{- if {guard} }}}}\n{OLD}{{{{- else }}}}\n{NEW}{{{{- end }}}}\n"
    found = scan({"templates/pdb.yaml": text}, target=Minor(int(major), int(minor)))
    assert brief(found) == ([("policy/v1beta1", "templates/pdb.yaml", 3)] if has_old else [])


def test_a_subchart_that_asks_is_answered_and_its_files_stay_as_they_were(scan: Scan, tmp_path: Path) -> None:
    asks = f'{{{{ if .Capabilities.APIVersions.Has "policy/v1beta1" }}}}\n{OLD}{{{{ end }}}}\n{CRD}'
    inner = "charts/sub/templates/inner.yaml"
    (tmp_path / "web" / ".git").mkdir(parents=True)
    (tmp_path / "web" / ".git" / "gone").symlink_to("nowhere")
    found = scan({"charts/sub/Chart.yaml": CHART.replace("web", "sub"), inner: asks})
    assert brief(found) == [("apiextensions.k8s.io/v1beta1", inner, 6)]
    assert (tmp_path / "web" / inner).read_text() == asks


@pytest.mark.parametrize(
    ("constraint", "refuses"),
    [
        pytest.param("<1.30-0", True, id="an end that is past"),
        pytest.param(">=1.37", True, id="a start to come"),
        pytest.param(">=1.25.0-0", False, id="a range with the target"),
    ],
)
def test_a_chart_that_refuses_the_target_is_told_with_its_constraint(
    constraint: str, refuses: bool, scan: Scan
) -> None:
    found = scan({"templates/pdb.yaml": OLD}, chart=f"{CHART}kubeVersion: '{constraint}'\n")
    if refuses:
        assert brief(found) == [("refused", "Chart.yaml", 1)]
        assert told(found) == [f"the chart is not rendered: it refuses 1.36 by its kubeVersion {constraint}"]
    else:
        assert brief(found) == [("policy/v1beta1", "templates/pdb.yaml", 1)]


@pytest.mark.parametrize(
    ("files", "chart", "words"),
    [
        pytest.param(
            {"templates/a.yaml": '{{ fail "give it a host" }}'},
            CHART,
            "execution error at (web/templates/a.yaml:1:3): give it a host",
            id="a template that fails",
        ),
        pytest.param(
            {"templates/a.yaml": "{{ if }}"},
            CHART,
            "parse error at (web/templates/a.yaml:1): missing value for if",
            id="a template that is none",
        ),
        pytest.param(
            {"templates/a.yaml": "a: [\n"},
            CHART,
            "YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: line 1: "
            "did not find expected node content",
            id="a template that renders to no YAML",
        ),
        pytest.param(
            {},
            f"{CHART}dependencies: [{{name: redis, version: 1.x, repository: 'https://charts.example.com'}}]\n",
            "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to "
            "fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: redis",
            id="a subchart that was not fetched",
        ),
        pytest.param(
            {"values.schema.json": '{"type": "object", "required": ["host"]}'},
            CHART,
            "values don't meet the specifications of the schema(s) in the following chart(s): web: "
            "- at '': missing property 'host'",
            id="values that are missing",
        ),
        pytest.param(
            {"templates/a.yaml": OLD},
            f"{CHART}kubeVersion: '>>1'\n",
            "chart requires kubeVersion: >>1 which is incompatible with Kubernetes v1.36.0",
            id="a constraint that nobody can read",
        ),
    ],
)
def test_a_chart_that_does_not_render_is_told_with_the_words_of_helm(
    files: dict[str, str], chart: str, words: str, scan: Scan
) -> None:
    found = scan(files, chart=chart)
    assert brief(found) == [("chart", "Chart.yaml", 1)]
    assert told(found) == [f"the chart is not rendered: helm template fails: {words}"]


def test_a_chart_file_that_is_no_yaml_is_told_by_helm_too(scan: Scan) -> None:
    found = scan({}, chart="a: [\n")
    assert brief(found) == [("chart", "Chart.yaml", 1), ("syntax", "Chart.yaml", 2)]


def test_a_library_chart_is_judged_where_it_is_used(scan: Scan) -> None:
    assert (
        scan({"templates/_pdb.tpl": f'{{{{ define "pdb" }}}}{OLD}{{{{ end }}}}'}, chart=f"{CHART}type: library\n") == []
    )


def test_a_chart_that_cannot_be_copied_is_told(scan: Scan, tmp_path: Path) -> None:
    (tmp_path / "web" / "loop").mkdir(parents=True)
    (tmp_path / "web" / "loop" / "up").symlink_to(tmp_path / "web")
    found = scan(
        {"templates/a.yaml": f'{{{{ if .Capabilities.APIVersions.Has "policy/v1beta1" }}}}\n{OLD}{{{{ end }}}}'}
    )
    assert [cause for cause, _, _ in brief(found)] == ["chart"]


def test_without_helm_a_chart_is_told_once_and_its_plain_files_are_judged(
    scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    found = scan({"templates/a.yaml": "a: {{ if }}\n", "templates/plain.yaml": OLD})
    assert brief(found) == [("chart", "Chart.yaml", 1), ("policy/v1beta1", "templates/plain.yaml", 1)]
    assert told(found) == ["the chart is not rendered: helm is not on the PATH"]


# ---- what the real program cannot be made to do


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "bin" / "helm"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")


def test_a_helm_that_hangs_is_ended_with_what_it_started(
    scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inner program holds the end of the pipe: were it not ended too, this test would take ten minutes."""
    stand_in(tmp_path, monkeypatch, "#!/bin/sh\nsleep 600\necho\n")
    monkeypatch.setattr(charts, "PATIENCE", 0.1)
    assert told(scan({})) == ["the chart is not rendered: helm template took longer than 0.1 s"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param("#!/bin/sh\nkill -9 $$\n", "fails: it was ended by SIGKILL", id="that is killed"),
        pytest.param("#!/bin/sh\nexit 3\n", "fails: without a word", id="that ends without a word"),
        pytest.param("#!/no/such/shell\n", "does not run: No such file or directory", id="that does not run"),
    ],
)
def test_a_helm_is_told(script: str, words: str, scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, script)
    [text] = told(scan({}))
    assert text.startswith("the chart is not rendered: helm ")
    assert text.endswith(words)


def test_no_signal_is_named_that_this_system_lacks() -> None:
    assert charts.ended_by(-signal.SIGKILL) == "it was ended by SIGKILL"
    assert charts.ended_by(-250) == "it was ended by signal 250"
    assert charts.ended_by(1) == "without a word"
