"""Builds the control plane's programs, Helm and kubectl from locked Go modules, once per version, into the cache."""

import fcntl
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fleetkeeper.sim.control_plane import cache, modules, toolchain
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.modules import Recipe
from fleetkeeper.sim.control_plane.toolchain import Go

DEFAULT_MINORS = ("1.35", "1.36")
LAST_LINES = 30  # of a failed build's output; the first error of a compiler is near its end


def build(minors: Sequence[str] = DEFAULT_MINORS) -> None:
    """Builds these minors, etcd, KWOK, Helm and kubectl where the cache has none; says on stdout what it does.

    Raises ControlPlaneError that names the step which failed. A second builder waits for the first.
    """
    recipes = [modules.locked(name) for name in (*minors, *modules.COMPANIONS)]
    with _build_lock():
        for recipe in recipes:
            folder = cache.builds() / recipe.cache_name
            if folder.is_dir():
                _say(f"{recipe.cache_name}: already built in {folder}")
            else:
                _build_one(recipe, folder)


def lock(name: str, patch: str) -> None:
    """Writes modules/<name>/go.mod and go.sum for a patch: ("1.36", "4"), or ("kwok", "0.8.0").

    The checksum database that the machine's Go is configured with vouches for every module.
    """
    if name in modules.COMPANIONS:
        recipe = modules.companion_recipe(name, patch)
    else:
        recipe = modules.kubernetes_recipe(f"{name}.{patch}")
    go = toolchain.find_go("1.24")
    upstream = modules.parse_go_mod(_download_go_mod(go, recipe))
    go = toolchain.find_go(upstream.go)
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-lock-") as temporary:
        folder = Path(temporary)
        (folder / "go.mod").write_text(modules.render_go_mod(recipe, upstream))
        _run(go, ["mod", "tidy"], folder, f"lock {recipe.cache_name}")
        recipe.folder.mkdir(parents=True, exist_ok=True)
        for file in ("go.mod", "go.sum"):
            shutil.copyfile(folder / file, recipe.folder / file)
    _say(f"locked {recipe.module} v{recipe.version} in {recipe.folder}")


def _build_one(recipe: Recipe, folder: Path) -> None:
    go = toolchain.find_go(modules.parse_go_mod((recipe.folder / "go.mod").read_text()).go)
    _say(f"{recipe.cache_name}: building with {go.version}: {', '.join(recipe.programs)}")
    _remove_leftovers(folder)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        (staging / "bin").mkdir()
        target = recipe.programs[0] if len(recipe.programs) == 1 else ""  # etcd's package is not named etcd
        how = ["-mod=readonly", "-trimpath", f"-ldflags={recipe.link_flags}", f"-o={staging}/bin/{target}"]
        _run(go, ["build", *how, *recipe.packages], recipe.folder, f"build {recipe.cache_name}")
        _verify(recipe, staging / "bin")
        if recipe.module == modules.KWOK:
            _copy_stages(go, recipe, staging / "stages")
        staging.chmod(0o755)
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _say(f"{recipe.cache_name}: installed in {folder}")


def _remove_leftovers(folder: Path) -> None:
    # Only a builder that was killed leaves one behind: we hold the lock, so nobody is writing there.
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _verify(recipe: Recipe, folder: Path) -> None:
    for program in recipe.programs:
        command = [str(folder / program), *recipe.version_words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or recipe.version not in done.stdout:
            raise ControlPlaneError(
                f"{program} was built, but `{program} {' '.join(recipe.version_words)}` does not say "
                f"{recipe.version}: {(done.stdout + done.stderr).strip()[-500:]}"
            )


def _copy_stages(go: Go, recipe: Recipe, target: Path) -> None:
    """Keeps KWOK's own "fast" stages beside its program: without stages it does not start."""
    listed = _run(go, ["list", "-mod=readonly", "-m", "-json", recipe.module], recipe.folder, "find KWOK's stages")
    source = Path(json.loads(listed)["Dir"]) / "kustomize" / "stage"
    target.mkdir()
    for kind in ("node", "pod"):
        for stage in (source / kind / "fast").glob(f"{kind}-*.yaml"):
            shutil.copyfile(stage, target / stage.name)
    if not any(target.iterdir()):
        raise ControlPlaneError(f"KWOK {recipe.version} has no stages in {source}")


def _download_go_mod(go: Go, recipe: Recipe) -> str:
    wanted = f"{recipe.module}@v{recipe.version}"
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-lock-") as empty:
        answer = _run(go, ["mod", "download", "-json", wanted], Path(empty), f"download {wanted}")
    return Path(json.loads(answer)["GoMod"]).read_text()


def _run(go: Go, arguments: Sequence[str], folder: Path, what: str) -> str:
    done = subprocess.run(
        [go.program, *arguments], cwd=folder, env=go.environ, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        # `go mod download -json` puts its error into the answer, everything else into stderr.
        said = (done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:]
        raise ControlPlaneError(
            f"could not {what} with {go.version} (`go {arguments[0]}` ended with "
            f"{done.returncode}):\n" + "\n".join(said)
        )
    return done.stdout


@contextmanager
def _build_lock() -> Iterator[None]:
    """One builder per cache; the kernel drops the lock when its holder dies."""
    cache.builds().mkdir(parents=True, exist_ok=True)
    with (cache.builds() / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another build is running; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(text, flush=True)
