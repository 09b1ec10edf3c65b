"""Packages of charts: from a folder and from a repository behind TLS and a password, got once, and never trusted."""

import base64
import hashlib
import io
import json
import os
import ssl
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fleetkeeper.adapters.helm.packages import Packages, definitions
from fleetkeeper.config import ChartSettings, Secret
from fleetkeeper.engine.releases import ChartChoice
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.control_plane.pki import Authority

CHOICE = ChartChoice("acme", "acme", "1.2.3")
CRD = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: %s}\n"


def package(files: dict[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return made.getvalue()


def chart(more: Mapping[str, str | bytes] | None = None, name: str = "acme", version: str = "1.2.3") -> bytes:
    about = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
    files = {f"{name}/{path}": text for path, text in (more or {}).items()}
    return package({f"{name}/Chart.yaml": about, **files})


@dataclass
class Repository:
    """Packages, served over TLS to whoever knows the password."""

    folder: Path
    url: str
    ca_file: Path
    asked: list[str] = field(default_factory=list)


class Guarded(SimpleHTTPRequestHandler):
    """Serves a folder. With kinds, a name has the media type that stands there."""

    asked: list[str]
    kinds: Mapping[str, str]

    def do_GET(self) -> None:  # the library's own name
        self.asked.append(self.path)
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"ada:hunter22").decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="charts"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET() if self.command == "GET" else super().do_HEAD()

    do_HEAD = do_GET  # noqa: N815  # likewise

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        return self.kinds.get(Path(path).name, "application/octet-stream")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written."""


@contextmanager
def served(tmp_path: Path, kinds: Mapping[str, str]) -> Iterator[Repository]:
    """The folder `served` on a loopback port, with a certificate of a CA of its own."""
    folder, authority = tmp_path / "served", Authority()
    folder.mkdir()
    asked: list[str] = []
    handler = type("Handler", (Guarded,), {"asked": asked, "kinds": kinds})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    own = authority.server()
    (tmp_path / "server.pem").write_text(own.certificate + own.key, "utf-8")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(authority.pem, "utf-8")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Repository(folder, f"https://127.0.0.1:{server.server_port}", ca_file, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def repository(tmp_path: Path, helm: Path) -> Iterator[Repository]:
    with served(tmp_path, {}) as found:
        (found.folder / "acme-1.2.3.tgz").write_bytes(chart())
        subprocess.run([str(helm), "repo", "index", str(found.folder), "--url", found.url], check=True)
        yield found


_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_ABOUT = "application/vnd.cncf.helm.config.v1+json"
_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def described(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Repository]:
    """An OCI registry with one chart, by tag and by digest."""
    about, layer = b'{"name": "acme", "version": "1.2.3", "apiVersion": "v2"}', chart()
    made = {"schemaVersion": 2, "mediaType": _MANIFEST}
    made |= {"config": described(_ABOUT, about), "layers": [described(_CHART, layer)]}
    manifest = json.dumps(made).encode()
    with served(tmp_path, {"1.2.3": _MANIFEST, digest_of(manifest): _MANIFEST}) as found:
        for folder, files in {
            "manifests": {"1.2.3": manifest, digest_of(manifest): manifest},
            "blobs": {digest_of(about): about, digest_of(layer): layer},
        }.items():
            inside = found.folder / "v2" / "team" / "acme" / folder
            inside.mkdir(parents=True)
            for name, content in files.items():
                (inside / name).write_bytes(content)
        yield found


def test_a_registry_is_asked_by_its_ca_and_password(registry: Repository, tmp_path: Path, helm: Path) -> None:
    where = f"{registry.url.replace('https://', 'oci://')}/team"
    settings = ChartSettings("acme", "acme", where, "ada", Secret("hunter22"), ca_bundle=str(registry.ca_file))
    found = packages(tmp_path, str(helm), settings).get(CHOICE)
    assert [each.own for each in definitions(found.path.read_bytes())] == []
    assert "/v2/team/acme/manifests/1.2.3" in registry.asked
    other = ChartSettings("acme", "acme", where, "ada", Secret("s3cr3t-other"), ca_bundle=str(registry.ca_file))
    with pytest.raises(ReadError, match=r"helm pull: .*401") as refused:
        packages(tmp_path / "other", str(helm), other).get(CHOICE)
    assert "s3cr3t-other" not in refused.value.detail


def packages(tmp_path: Path, helm: str, settings: ChartSettings) -> Packages:
    return Packages([settings], helm, tmp_path / "kept")


def test_a_repository_is_asked_once_by_its_ca_and_password(repository: Repository, tmp_path: Path, helm: Path) -> None:
    settings = ChartSettings(
        "acme", "acme", repository.url, "ada", Secret("hunter22"), ca_bundle=str(repository.ca_file)
    )
    found = packages(tmp_path, str(helm), settings).get(CHOICE)
    assert found.path.read_bytes() == (repository.folder / "acme-1.2.3.tgz").read_bytes()
    assert repository.asked == ["/index.yaml", "/acme-1.2.3.tgz"]
    assert packages(tmp_path, str(helm), settings).get(CHOICE) == found
    assert len(repository.asked) == 2
    assert list((tmp_path / "kept").iterdir()) == [found.path]


@pytest.mark.parametrize("trusts", [True, False], ids=["a wrong password", "a server that nobody vouches for"])
def test_a_repository_that_does_not_answer_well_is_told_without_the_password(
    repository: Repository, tmp_path: Path, helm: Path, trusts: bool
) -> None:
    ca = str(repository.ca_file) if trusts else ""
    settings = ChartSettings("acme", "acme", repository.url, "ada", Secret("s3cr3t-other"), ca_bundle=ca)
    with pytest.raises(ReadError, match="the chart of acme cannot be had: helm repo") as refused:
        packages(tmp_path, str(helm), settings).get(CHOICE)
    assert ("401" if trusts else "certificate") in refused.value.detail
    assert "s3cr3t-other" not in refused.value.detail


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(chart(name="other"), "gave other 1.2.3 for acme 1.2.3", id="another chart"),
        pytest.param(chart(version="9.9.9"), "gave acme 9.9.9 for acme 1.2.3", id="another version"),
        pytest.param(package({"acme/values.yaml": "a: 1"}), "without a Chart.yaml", id="no chart"),
        pytest.param(b"not a package", "cannot be read", id="no package"),
    ],
)
def test_a_folder_gives_only_what_was_asked_for(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "acme-1.2.3.tgz").write_bytes(content)
    with pytest.raises(ReadError, match=says):
        packages(tmp_path, "helm", ChartSettings("acme", "acme", str(tmp_path))).get(CHOICE)
    assert not list((tmp_path / "kept").glob("*.tgz"))


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param(ChartChoice("acme", "other", "1.2.3"), id="a chart that the source is not for"),
        pytest.param(ChartChoice("acme", "acme", "1.2.3/../../x"), id="a version that is a path"),
    ],
)
def test_what_the_source_is_not_for_is_refused(tmp_path: Path, choice: ChartChoice) -> None:
    with pytest.raises(ReadError, match="is for acme, not for") as refused:
        packages(tmp_path, "helm", ChartSettings("acme", "acme", str(tmp_path))).get(choice)
    assert refused.value.reason is GapReason.NOT_CONFIGURED


def test_crds_are_found_in_the_chart_and_in_those_inside_it() -> None:
    inner = chart({"crds/sub.yaml": CRD % "packed"}, "sub")
    files: dict[str, str | bytes] = {
        "crds/two.yaml": f"{CRD % 'one'}---\n{CRD % 'two'}",
        "crds/README.md": "no",
        "templates/crd.yaml": CRD % "templated",
        "charts/open/crds/a.yaml": CRD % "open",
        "charts/sub-1.2.3.tgz": inner,
    }
    found = {each.body["metadata"]["name"]: each.own for each in definitions(chart(files))}
    assert found == {"one": True, "two": True, "open": False, "packed": False}


def test_a_package_that_swells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetkeeper.adapters.helm.packages._MOST_BYTES", 10_000)
    with pytest.raises(ReadError, match="larger than a chart may be"):
        list(definitions(chart({"crds/a.yaml": "#" * 20_000})))
