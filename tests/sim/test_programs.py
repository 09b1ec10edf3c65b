"""Programs of Debian's packages: one that is missing or of another kind is said in words, with the command to run."""

from pathlib import Path

import pytest

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.programs import debian
from fleetkeeper.sim.programs.debian import PROMETHEUS, Package


def test_a_program_that_was_not_prepared_is_told_with_the_command_that_does(tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match=r"run `python -m fleetkeeper.sim.programs`"):
        debian.found(PROMETHEUS, {"FLEETKEEPER_CACHE": str(tmp_path)})


def test_a_program_that_is_there_is_not_downloaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    environ = {"FLEETKEEPER_CACHE": str(tmp_path)}
    (tmp_path / "debian" / "prometheus-2").mkdir(parents=True)
    assert debian.prepare(PROMETHEUS, environ) == debian.found(PROMETHEUS, environ)


def test_a_machine_that_is_not_debian_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ControlPlaneError, match=r"apt-get: No such file or directory; this needs Debian or Ubuntu"):
        debian.prepare(PROMETHEUS, {"FLEETKEEPER_CACHE": str(tmp_path)})
    assert [each.name for each in (tmp_path / "debian").iterdir()] == [".lock"]


APT = """#!/bin/sh
echo "$@" >> "$LOG"
case "$*" in *update*) : > "$LOG.fresh" ;; esac
if [ "$1" = download ] && [ ! -e "$LOG.fresh" ]; then exit 100; fi
case "$*" in *download*) : > tool_1_amd64.deb ;; esac
"""
UNPACK = """#!/bin/sh
/bin/mkdir -p "$3/usr/bin"
printf '#!/bin/sh\\necho "tool, version %s.1"\\n' "$MAJOR" > "$3/usr/bin/tool"
/bin/chmod +x "$3/usr/bin/tool"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A machine whose apt-get has no package lists, with a package `tool` whose major version is $MAJOR."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("apt-get", APT), ("dpkg-deb", UNPACK)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return {"FLEETKEEPER_CACHE": str(tmp_path / "cache")}


def test_absent_package_lists_are_read_into_a_folder_of_ours(
    machine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAJOR", "2")
    folder = debian.prepare(Package("tool", "usr/bin/tool", 2), machine)
    assert (folder / "usr" / "bin" / "tool").is_file()
    asked = (tmp_path / "log").read_text().splitlines()
    assert [line.split()[-1] for line in asked] == ["tool", "update", "tool"]
    assert all(f"Dir::State={tmp_path}/cache" in line for line in asked[1:])


def test_another_major_version_is_refused_and_not_kept(
    machine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAJOR", "3")
    with pytest.raises(ControlPlaneError, match=r"tool 2 is needed, and Debian's here is: tool, version 3.1"):
        debian.prepare(Package("tool", "usr/bin/tool", 2), machine)
    assert [each.name for each in (tmp_path / "cache" / "debian").iterdir()] == [".lock"]
