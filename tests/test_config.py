"""The operator's settings: where they come from, and every mistake in them."""

from pathlib import Path

import pytest

from fleetkeeper.config import (
    MappingRule,
    Organizations,
    Settings,
)
from fleetkeeper.errors import ConfigError
from fleetkeeper.settings.load import load
from tests.config_files import FILE, complaints, in_an_empty_folder, written

GOLDEN = Path(__file__).parent / "golden"

__all__ = ["in_an_empty_folder"]


# ---- where the file is


def _file(path: Path, listen: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'[serve]\nlisten = "{listen}"\n', "utf-8")
    return path


@pytest.mark.parametrize(
    ("given_path", "environ", "absent", "listen"),
    [
        pytest.param("given.toml", {"FLEETKEEPER_CONFIG": "env.toml"}, (), "given:1", id="the path given"),
        pytest.param(None, {"FLEETKEEPER_CONFIG": "env.toml"}, (), "env:1", id="then FLEETKEEPER_CONFIG"),
        pytest.param(None, {"XDG_CONFIG_HOME": "xdg", "HOME": "home"}, (), "here:1", id="then the working folder"),
        pytest.param(None, {"XDG_CONFIG_HOME": "xdg", "HOME": "home"}, (FILE,), "xdg:1", id="then XDG_CONFIG_HOME"),
        pytest.param(None, {"HOME": "home"}, (FILE,), "home:1", id="whose default is .config at home"),
        pytest.param(None, {}, (FILE,), "127.0.0.1:8321", id="then the defaults"),
        pytest.param(None, {"FLEETKEEPER_CONFIG": ""}, (), "here:1", id="an empty FLEETKEEPER_CONFIG is none"),
    ],
)
def test_the_file_is_found(
    given_path: str | None, environ: dict[str, str], absent: tuple[Path, ...], listen: str
) -> None:
    _file(Path("given.toml"), "given:1")
    _file(Path("env.toml"), "env:1")
    _file(FILE, "here:1")
    _file(Path("xdg/fleetkeeper/config.toml"), "xdg:1")
    _file(Path("home/.config/fleetkeeper/config.toml"), "home:1")
    for path in absent:
        path.unlink()
    assert load(Path(given_path) if given_path else None, environ).serve.listen == listen


@pytest.mark.parametrize(
    ("path", "environ"),
    [
        pytest.param(Path("no.toml"), {}, id="a file that was given"),
        pytest.param(None, {"FLEETKEEPER_CONFIG": "no.toml"}, id="a file that the environment names"),
    ],
)
def test_a_named_file_must_exist(path: Path | None, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"^no\.toml: cannot be read: No such file or directory$"):
        load(path, environ)


def test_an_empty_file_gives_the_defaults() -> None:
    assert written("") == load(None, {}) == Settings()


# ---- the environment


def test_the_environment_overrides_the_file() -> None:
    settings = written(
        '[aws]\nregions = ["eu-west-1"]\n[observe]\nschedule = "0 * * * *"\n',
        {
            "FLEETKEEPER_AWS__REGIONS": "eu-west-2, eu-west-3",
            "FLEETKEEPER_AWS__TAGS": "team=pay,tier=1",
            "FLEETKEEPER_AWS__ORGANIZATIONS__EXCLUDE_ACCOUNTS": "111122223333",
            "FLEETKEEPER_OBSERVE__SCHEDULE": "*/10 * * * *",
            "FLEETKEEPER_OBSERVE__HELM_SECRETS": "true",
            "FLEETKEEPER_KUBERNETES__PAGE_SIZE": "100",
            "FLEETKEEPER_KUBERNETES__TIMEOUT_SECONDS": "2.5",
            "FLEETKEEPER_CACHE": "elsewhere",
            "FLEETKEEPER_CONTROL_PLANE_MINORS": "1.36",
            "OTHER__THING": "1",
        },
    )
    assert settings.aws.regions == ("eu-west-2", "eu-west-3")
    assert settings.aws.tags == {"team": "pay", "tier": "1"}
    assert settings.aws.organizations == Organizations(exclude_accounts=("111122223333",))
    assert (settings.observe.schedule, settings.observe.helm_secrets) == ("*/10 * * * *", True)
    assert (settings.kubernetes.page_size, settings.kubernetes.timeout_seconds) == (100, 2.5)
    assert settings.origins["observe.schedule"] == "env FLEETKEEPER_OBSERVE__SCHEDULE"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param(
            {"FLEETKEEPER_STORE__ULR": "x"},
            "env FLEETKEEPER_STORE__ULR: store.ulr: unknown key — did you mean url?",
            id="an unknown key",
        ),
        pytest.param(
            {"FLEETKEEPER_STOR__URL": "x"},
            "env FLEETKEEPER_STOR__URL: stor: unknown key — did you mean store?",
            id="an unknown section",
        ),
        pytest.param(
            {"FLEETKEEPER_KUBERNETES__PAGE_SIZE": "many"},
            "env FLEETKEEPER_KUBERNETES__PAGE_SIZE: kubernetes.page_size: must be a whole number, not text",
            id="no number",
        ),
        pytest.param(
            {"FLEETKEEPER_OBSERVE__HELM_SECRETS": "yes"},
            "env FLEETKEEPER_OBSERVE__HELM_SECRETS: observe.helm_secrets: must be true or false, not text",
            id="neither true nor false",
        ),
        pytest.param(
            {"FLEETKEEPER_AWS__REGIONS": "eu-west-1,mars"},
            "env FLEETKEEPER_AWS__REGIONS: aws.regions[1]: must be an AWS region such as eu-west-1",
            id="one wrong item",
        ),
        pytest.param(
            {"FLEETKEEPER_AWS__ACCOUNTS": "111122223333"},
            "env FLEETKEEPER_AWS__ACCOUNTS: aws.accounts: must be a list of tables, each headed [[aws.accounts]]",
            id="tables, which only a file can hold",
        ),
        pytest.param(
            {"FLEETKEEPER_LOG": "debug", "FLEETKEEPER_LOG__LEVEL": "loud"},
            "env FLEETKEEPER_LOG__LEVEL: log.level: must be one of debug, info, warning, error",
            id="a wrong choice, while a name without a double underscore is none of ours",
        ),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(environ: dict[str, str], expected: str) -> None:
    assert complaints("", environ) == [expected]


# ---- relative paths


def test_relative_paths_start_at_the_folder_of_the_file() -> None:
    Path("etc/compat").mkdir(parents=True)
    Path("etc/ca.pem").write_text("", "utf-8")
    Path("etc/rules.toml").write_text("", "utf-8")
    file = Path("etc/fleetkeeper.toml")
    file.write_text(
        'compat_folders = ["compat"]\n[store]\nurl = "sqlite:///fleet.db"\n[aws]\nca_bundle = "ca.pem"\n'
        '[mapping]\nfile = "rules.toml"\n[[kubernetes.clusters]]\nname = "a"\nkubeconfig = "~/.kube/config"\n',
        "utf-8",
    )
    settings = load(file, {"HOME": "/home/me"})
    assert settings.compat_folders == (Path("etc/compat"),)
    assert (settings.store.url, settings.aws.ca_bundle) == ("sqlite:///etc/fleet.db", "etc/ca.pem")
    assert (settings.mapping.file, settings.kubernetes.clusters[0].kubeconfig) == (
        "etc/rules.toml",
        "/home/me/.kube/config",
    )
    overridden = load(file, {"FLEETKEEPER_STORE__URL": "sqlite:///here.db", "HOME": "/home/me"})
    assert overridden.store.url == "sqlite:///here.db"


def test_an_absolute_sqlite_path_stays() -> None:
    assert written('[store]\nurl = "sqlite:////var/lib/fleet.db"').store.url == "sqlite:////var/lib/fleet.db"


# ---- mistakes


def test_every_mistake_is_told_at_once() -> None:
    Path("rules.toml").write_text((GOLDEN / "config_mistakes_rules.toml").read_text("utf-8"), "utf-8")
    found = complaints((GOLDEN / "config_mistakes.toml").read_text("utf-8"))
    assert found == (GOLDEN / "config_mistakes.txt").read_text("utf-8").splitlines()
    assert "hunter2" not in "".join(found)


_ACCOUNT = '[[aws.accounts]]\nid = "111122223333"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            _ACCOUNT, "fleetkeeper.toml:1: aws.accounts[0]: has no region to read", id="an account without regions"
        ),
        pytest.param(
            "[aws.organizations]",
            "fleetkeeper.toml:1: aws.organizations: has no region to read",
            id="an organization without regions",
        ),
        pytest.param(
            '[aws]\npartition = "aws-cn"\nregions = ["eu-west-1"]',
            "fleetkeeper.toml:3: aws.regions[0]: eu-west-1 is not of the partition aws-cn",
            id="a region of another partition",
        ),
        pytest.param(
            '[aws]\nregions = ["us-gov-west-1"]',
            "fleetkeeper.toml:2: aws.regions[0]: us-gov-west-1 is not of the partition aws",
            id="a region of GovCloud in the usual partition",
        ),
        pytest.param(
            _ACCOUNT + 'regions = ["eu-west-1"]\nrole_arn = "arn:aws-cn:iam::111122223333:role/r"',
            "fleetkeeper.toml:4: aws.accounts[0].role_arn: is of the partition aws-cn, not aws",
            id="a role of another partition",
        ),
        pytest.param(
            '[aws]\nrole_name = "arn:aws:iam::111122223333:role/r"',
            "fleetkeeper.toml:2: aws.role_name: must be a role's name, not its ARN",
            id="an ARN for a role's name",
        ),
        pytest.param(
            '[aws]\nca_bundle = "none.pem"',
            "fleetkeeper.toml:2: aws.ca_bundle: names a file that does not exist",
            id="a CA bundle that is missing",
        ),
        pytest.param(
            '[aws]\nendpoint_url = "eks.example.com"',
            "fleetkeeper.toml:2: aws.endpoint_url: must be a URL such as",
            id="an endpoint without a scheme",
        ),
        pytest.param(
            '[store]\npassword_env = "SET"',
            "fleetkeeper.toml:1: store.password: is set, but the store is SQLite",
            id="a password for SQLite",
        ),
        pytest.param(
            "[kubernetes]\nconcurrency = 1000",
            "fleetkeeper.toml:2: kubernetes.concurrency: must be at most 64",
            id="too many at once",
        ),
        pytest.param(
            '[observe]\nschedule = "0 6 * * *"',
            "fleetkeeper.toml:2: observe.schedule: data counts as stale after 60 minutes, before the next observation"
            " — set observe.stale_after_minutes to 1440 or more",
            id="a schedule whose data is stale before the next observation",
        ),
        pytest.param(
            '[mapping]\nfile = "none.toml"', "none.toml: cannot be read: No such file", id="a mapping file missing"
        ),
        pytest.param(
            '[[mapping.rules]]\nenvironment = "dev"\n[[mapping.rules]]\nring = "a"\nnames = ["x"]',
            "fleetkeeper.toml:1: mapping.rules[0]: matches every cluster, so no rule after it is ever used",
            id="a rule for all that is not the last",
        ),
        pytest.param(
            '[[mapping.rules]]\nnames = ["x"]',
            "fleetkeeper.toml:1: mapping.rules[0]: sets nothing",
            id="a rule that sets nothing",
        ),
        pytest.param(
            '[[mapping.rules]]\nring = "a"\narns = ["eks:x"]',
            "fleetkeeper.toml:3: mapping.rules[0].arns[0]: must begin with arn: or *",
            id="a pattern that no ARN matches",
        ),
    ],
)
def test_a_mistake_names_its_line(text: str, expected: str) -> None:
    (found,) = complaints(text, {"SET": "x"})
    assert found.startswith(expected)


def test_a_mapping_file_adds_rules_that_say_where_they_are() -> None:
    Path("rules.toml").write_text('\n[[rules]]\nenvironment = "staging"\nous = ["Dev"]\n', "utf-8")
    settings = written('[mapping]\nfile = "rules.toml"\n[[mapping.rules]]\nenvironment = "dev"\nnames = ["x"]\n')
    assert settings.mapping.rules == (
        MappingRule(environment="dev", names=("x",), origin="fleetkeeper.toml:3"),
        MappingRule(environment="staging", ous=("Dev",), origin="rules.toml:2"),
    )
    assert settings.origins["mapping.rules[1].ous"] == "rules.toml:4"


# ---- the engine


def test_a_service_has_one_limit() -> None:
    text = '[[engine.services]]\nname = "shop"\nmax_unavailable_regions = 0\n[[engine.services]]\nname = "shop"\n'
    assert complaints(text) == [
        "fleetkeeper.toml:3: engine.services[0].max_unavailable_regions: must be at least 1",
        "fleetkeeper.toml:5: engine.services[1].name: shop is listed twice",
    ]
    assert written('[[engine.services]]\nname = "*"\n').engine.service_limits == {"*": 1}


def test_fleetkeepers_own_cluster_is_an_arn() -> None:
    (told,) = complaints('[engine]\nown_cluster = "hub"\n')
    assert told.startswith("fleetkeeper.toml:2: engine.own_cluster: must be an EKS cluster's ARN")
    assert written('[engine]\nown_cluster = "none"\n').engine.own_cluster == "none"
