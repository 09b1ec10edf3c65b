"""The [engine] section: what is refused, and that secrets are not shown."""

from datetime import timedelta
from pathlib import Path

import pytest

from fleetkeeper.config import EngineSettings, Secret
from fleetkeeper.config_show import as_mapping, show
from fleetkeeper.core.smoke import SmokeTest
from fleetkeeper.errors import ConfigError
from fleetkeeper.settings.load import load

HOOK = '[[engine.hooks]]\nname = "chat"\n'
URL = HOOK + 'url = "https://chat.example.com"\n'
SERVER = '[[engine.prometheus]]\nname = "main"\n'
METRICS = SERVER + 'url = "https://metrics.example.com"\n'
CALENDAR = '[[engine.calendars]]\nname = "trading"\n'
ALERTS = '[[engine.silencers]]\nname = "am"\nkind = "alertmanager"\nurl = "https://alerts"\n'
SCOPED = ALERTS + "matchers = ['cluster=\"{cluster}\"']\n"
PAGER = (
    '[[engine.silencers]]\nname = "pd"\nkind = "pagerduty"\nurl = "https://pager"\nsender = "a@b"\n'
    'services = {shop = "P1"}\n'
)
CHART = '[[engine.charts]]\nname = "guard"\n'
OCI = 'repository = "oci://charts.example.com"\n'
FREEZE = '[[engine.freezes]]\nreason = "fair"\n'
SMOKE = '[engine.smoke]\nimage = "smoke:1"\n'
PROGRAM = '[[engine.programs]]\nname = "smoke"\n'


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def engine(text: str, **environ: str) -> EngineSettings:
    path = Path("fleetkeeper.toml")
    path.write_text(text, "utf-8")
    return load(path, environ).engine


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[engine.smoke]\n", r"engine.smoke.image: is missing", id="a smoke test without an image"),
        pytest.param(SMOKE + 'namespace = "Ops!"\n', "must be a name as Kubernetes has them", id="no namespace"),
        pytest.param(SMOKE + "timeout_minutes = 0\n", "must be at least 0.5", id="a smoke test without time"),
        pytest.param(HOOK, r"engine.hooks\[0\].url: must be set", id="a hook without a URL"),
        pytest.param(HOOK + 'url = "chat"\n', "must be a URL", id="a URL that is none"),
        pytest.param(HOOK + 'url = "https://a:b@chat"\n', "must not hold a password", id="a URL with a password"),
        pytest.param(HOOK + 'secret_url_env = "U"\nurl = "https://chat"\n', "not both", id="two URLs"),
        pytest.param(HOOK + 'secret_url = "https://chat"\n', "must not be in this file", id="a secret in the file"),
        pytest.param(URL + URL, "chat is listed twice", id="a hook twice"),
        pytest.param(URL.replace("chat", "Chat Room", 1), "must be lower-case letters", id="an odd name"),
        pytest.param(URL + 'headers = {Authorization = "x"}\n', "Authorization is a secret", id="a secret header"),
        pytest.param(URL + 'headers = {"Idempotency-Key" = "x"}\n', "set by fleetkeeper itself", id="our header"),
        pytest.param(URL + 'headers = {"X Y" = "x"}\n', "no name of an HTTP header", id="no header"),
        pytest.param(URL + "timeout_seconds = 0\n", "must be at least 1", id="no time"),
        pytest.param(URL + 'ca_bundle = "gone"\n', "does not exist", id="CAs that are not there"),
        pytest.param(
            URL + '[[engine.hooks.secret_headers]]\nname = "X-Key"\n', "has no value", id="a secret without a value"
        ),
        pytest.param(
            URL + '[[engine.hooks.secret_headers]]\nname = "X-Key"\nvalue_env = "GONE"\n',
            "environment variable that is not set",
            id="a secret that is not set",
        ),
        pytest.param(
            '[engine]\nchannels = {oncall = "pager"}\n', "no entry of engine.hooks", id="a channel to nowhere"
        ),
        pytest.param(PROGRAM, "command: is missing", id="a program without a command"),
        pytest.param(PROGRAM + "command = []\n", "must not be empty", id="an empty command"),
        pytest.param(PROGRAM + 'command = ["smoke"]\n', "absolute path", id="a program of the PATH"),
        pytest.param(PROGRAM + 'command = "/bin/true"\n', "must be a list", id="a command line"),
        pytest.param(PROGRAM + 'command = ["/bin/true"]\nfolder = "gone"\n', "does not exist", id="no folder"),
        pytest.param(
            PROGRAM + 'command = ["/bin/true"]\nenvironment = {FLEETKEEPER_RUN = "x"}\n',
            "set by fleetkeeper itself",
            id="our variable",
        ),
        pytest.param(SERVER, r"engine.prometheus\[0\].url: is missing", id="a server without an address"),
        pytest.param(SERVER + 'url = "https://a:b@m"\n', "must not hold a password", id="a server with a password"),
        pytest.param(METRICS + METRICS, "main is listed twice", id="a server twice"),
        pytest.param(METRICS + 'username = "ann"\n', "password: is missing", id="a user without a password"),
        pytest.param(METRICS + 'password_env = "SET"\n', "whose password is it", id="a password without a user"),
        pytest.param(
            METRICS + 'username = "ann"\npassword_env = "SET"\ntoken_env = "SET"\n',
            "stands beside a password",
            id="a token and a password",
        ),
        pytest.param(METRICS + 'token = "x"\n', "must not be in this file", id="a token in the file"),
        pytest.param(
            METRICS + 'headers = {Authorization = "x"}\n', "Authorization is a secret", id="a token as header"
        ),
        pytest.param(ALERTS, "must bind a silence to the cluster", id="a silencer of every cluster"),
        pytest.param(
            ALERTS + "matchers = ['cluster=~\"shop.*\"']\n", "must bind a silence", id="a silencer of some clusters"
        ),
        pytest.param(ALERTS + "matchers = ['cluster']\n", "is no matcher such as", id="a matcher that is none"),
        pytest.param(
            ALERTS + "matchers = ['cluster=\"{clutser}\"']\n", "stands for nothing", id="a placeholder of nothing"
        ),
        pytest.param(SCOPED.replace("alertmanager", "nagios"), "must be alertmanager or", id="a silencer of no kind"),
        pytest.param(SCOPED + SCOPED, "am is listed twice", id="a silencer twice"),
        pytest.param(SCOPED + 'sender = "a@b"\n', "is not for alertmanager", id="a sender for an Alertmanager"),
        pytest.param(SCOPED + 'username = "ann"\n', "go together", id="a silencer's user without a password"),
        pytest.param(
            SCOPED + 'username = "ann"\npassword_env = "SET"\ntoken_env = "SET"\n',
            "stands beside a password",
            id="a silencer's token and password",
        ),
        pytest.param(PAGER, "token: is missing", id="a pager without a key"),
        pytest.param(
            PAGER.replace("a@b", "ann") + 'token_env = "SET"\n', "must be the e-mail address", id="a sender of no mail"
        ),
        pytest.param(
            PAGER.replace('services = {shop = "P1"}\n', 'token_env = "SET"\n'), "services: is missing", id="no services"
        ),
        pytest.param(
            PAGER + 'token_env = "SET"\nservice_key = "{region}"\n', "a silence is of one cluster", id="a key of many"
        ),
        pytest.param(
            PAGER + 'token_env = "SET"\nservice_key = "{name}"\n', "stands for nothing", id="a key of nothing"
        ),
        pytest.param(
            PAGER + 'token_env = "SET"\nmatchers = [\'a="b"\']\n', "is not for pagerduty", id="matchers for a pager"
        ),
        pytest.param(CALENDAR, "must have one source", id="a calendar of nothing"),
        pytest.param(CALENDAR + 'file = "a.ics"\nurl = "https://c"\n', "must have one source", id="one of two places"),
        pytest.param(CALENDAR + 'url = "calendar"\n', "must be a URL", id="a calendar at no address"),
        pytest.param(
            CALENDAR + 'file = "a.ics"\ntimezone = "Mars"\n', "must be an IANA time zone", id="a calendar of no zone"
        ),
        pytest.param(CALENDAR + 'secret_url_env = "SET"\n', "its secret URL is no", id="a secret address that is none"),
        pytest.param(FREEZE + "begins = 2026-12-01T00:00:00Z\n", "until: is missing", id="a freeze without an end"),
        pytest.param(
            FREEZE + "begins = 2026-12-01T00:00:00\nuntil = 2026-12-02T00:00:00Z\n", "with an offset", id="no offset"
        ),
        pytest.param(
            FREEZE + "begins = 2026-12-02T00:00:00Z\nuntil = 2026-12-01T00:00:00Z\n",
            "must be after begins",
            id="a freeze that ends before it begins",
        ),
        pytest.param(
            FREEZE + 'begins = 2026-12-01T00:00:00Z\nuntil = 2026-12-02T00:00:00Z\nselector = "rink=late"\n',
            "'rink' is not one of",
            id="a freeze of a selector of nothing",
        ),
        pytest.param(CHART, r"engine.charts\[0\].repository: is missing", id="a chart from nowhere"),
        pytest.param(CHART + 'repository = "http://charts.example.com"\n', "plain http", id="a chart over plain http"),
        pytest.param(CHART + 'repository = "gone"\n', "a folder that does not exist", id="a chart of no folder"),
        pytest.param(
            CHART + 'repository = "https://u:p@charts.example.com"\n',
            "must not hold a password",
            id="a chart's password",
        ),
        pytest.param(
            CHART + OCI + 'username = "u"\n', "and a password go together", id="a chart's user without a password"
        ),
        pytest.param(
            CHART + 'repository = "."\nusername = "u"\npassword_env = "SET"\n',
            "a folder asks for none",
            id="a user of a folder of charts",
        ),
        pytest.param(CHART + OCI + 'versions = {"1.2" = "next"}\n', "next is no version", id="a chart of no version"),
        pytest.param(
            CHART + OCI + '[[engine.charts]]\nname = "other"\nchart = "guard"\n' + OCI,
            "guard has another entry",
            id="a chart from two places",
        ),
        pytest.param('[engine]\nhelm = "bin/helm"\n', "must be an absolute path", id="a helm beside us"),
        pytest.param("[engine]\nhook = []\n", "did you mean hooks", id="an unknown key"),
        pytest.param(
            '[aws]\nexecutor_role_name = "fleetkeeper-reader"\n', "is the reader's role", id="one role for both"
        ),
        pytest.param(
            '[[aws.accounts]]\nid = "111122223333"\nregions = ["eu-west-1"]\n'
            'executor_role_arn = "arn:aws:iam::999988887777:role/x"\n',
            "is a role of account 999988887777",
            id="a role of another account",
        ),
    ],
)
def test_it_refuses(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        engine(text, U="https://chat.example.com", SET="s3cret")


def test_secrets_come_from_elsewhere_and_are_never_shown() -> None:
    text = HOOK + 'secret_url_env = "U"\n[[engine.hooks.secret_headers]]\nname = "X-Key"\nvalue_env = "K"\n'
    path = Path("fleetkeeper.toml")
    path.write_text(text, "utf-8")
    settings = load(path, {"U": "https://chat/T0PS3CRET", "K": "s3cr3t"})
    (hook,) = settings.engine.hooks
    assert (hook.secret_url, hook.secret_headers[0].value) == (
        Secret("https://chat/T0PS3CRET", "env U"),
        Secret("s3cr3t", "env K"),
    )
    shown = f"{show(settings)} {as_mapping(settings)} {settings}"
    assert "T0PS3CRET" not in shown
    assert "s3cr3t" not in shown


def test_the_folder_starts_at_the_file() -> None:
    assert engine('[engine]\nfolder = "work"\n').folder == "work"
    Path("etc").mkdir()
    file = Path("etc", "fleetkeeper.toml")
    file.write_text("", "utf-8")
    assert load(file, {}).engine.folder == "etc/fleetkeeper-engine"


# ---- who may change a version


PROPOSAL = "[[engine.proposals]]\n"
DIRECT = "[[engine.direct]]\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(PROPOSAL, "must have one place to propose to.*set hook, command or channel", id="to nobody"),
        pytest.param(
            URL + '[engine]\nchannels = {oncall = "chat"}\n' + PROPOSAL + 'hook = "chat"\nchannel = "oncall"\n',
            "must have one place",
            id="to two places",
        ),
        pytest.param(
            URL + PROPOSAL + 'hook = "chats"\n',
            "chats is no entry of engine.hooks.*it has chat",
            id="to an unknown hook",
        ),
        pytest.param(PROPOSAL + 'command = "pr"\n', "pr is no entry of engine.programs.*none", id="an unknown command"),
        pytest.param(PROPOSAL + 'channel = "ops"\n', "ops is no entry of engine.channels", id="an unknown channel"),
        pytest.param(
            URL + PROPOSAL + 'hook = "chat"\nundo = "close"\n',
            "close is no entry of engine.hooks",
            id="an unknown undo",
        ),
        pytest.param(
            URL + '[engine]\nchannels = {oncall = "chat"}\n' + PROPOSAL + 'channel = "oncall"\nundo = "chat"\n',
            "undo: takes nothing back from a channel",
            id="a channel takes nothing back",
        ),
        pytest.param(
            DIRECT + 'components = ["addon"]\n',
            r"engine.direct\[0\].components\[0\]: addon is not one of control-plane, addons",
            id="an unknown component",
        ),
        pytest.param(DIRECT + 'components = ["addons", "addons"]\n', "addons is listed twice", id="a component twice"),
        pytest.param(DIRECT + 'clusters = "rink=a"\n', "'rink' is not one of", id="a selector of nothing"),
        pytest.param(DIRECT + 'cluster = "ring=a"\n', "did you mean clusters", id="an unknown key of direct"),
        pytest.param(
            DIRECT + DIRECT + 'clusters = "ring=a"\n', "nothing after it is ever used.*move it", id="never asked"
        ),
    ],
)
def test_a_rule_of_changes_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        engine(text)


def test_rules_of_changes_are_kept_in_their_order() -> None:
    text = URL + PROGRAM + 'command = ["/bin/true"]\n' + DIRECT + 'clusters = "ring=canary"\ncomponents = ["addons"]\n'
    text += (
        PROPOSAL + 'components = ["control-plane"]\nhook = "chat"\nundo = "chat"\n' + PROPOSAL + 'command = "smoke"\n'
    )
    found = engine(text).change_via
    assert [(str(each.clusters), each.components) for each in found.direct] == [("ring=canary", ("addons",))]
    assert [(each.via, each.undo) for each in found.proposals] == [("hook:chat", "chat"), ("command:smoke", "")]
    assert engine("").change_via.of({"ring": "canary"}, found.direct[0].components[0]) is None


def test_a_smoke_test_is_read_and_without_its_table_there_is_none() -> None:
    assert engine("").smoke is None
    found = engine(SMOKE + 'command = ["/smoke"]\nstorage_class = "gp3"\ntimeout_minutes = 3\n').smoke
    assert found is not None
    assert found.test == SmokeTest("smoke:1", ("/smoke",), timeout=timedelta(minutes=3), storage_class="gp3")
    assert found.test.text == "smoke:1 in namespace default, with a volume of gp3"
