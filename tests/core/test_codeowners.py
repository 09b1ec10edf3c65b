"""CODEOWNERS: the last line that fits a folder holds; what is wrong is named by its line."""

import pytest

from fleetkeeper.core.codeowners import address_of, parse_codeowners, repository_of

FILE = """
# everything
*            @acme/platform   # the default
/deploy/     @acme/deploy
/deploy/*    @acme/files
docs/        writer@example.com
**/charts/   @acme/charts @ada
/apps/*/prod @acme/prod
*.js         @acme/web
/open/
/with\\ blank/ @acme/blank
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        pytest.param("", ("@acme/platform",), id="the root by the line for everything"),
        pytest.param("src", ("@acme/platform",), id="a folder that no other line is about"),
        pytest.param("deploy", ("@acme/files",), id="a folder by the files in it"),
        pytest.param("deploy/prod", ("@acme/deploy",), id="a folder below another"),
        pytest.param("/deploy/prod/", ("@acme/deploy",), id="with slashes around it"),
        pytest.param("./deploy/prod", ("@acme/deploy",), id="from the folder itself"),
        pytest.param("src/deploy", ("@acme/platform",), id="a pattern with a slash is of the root"),
        pytest.param("src/docs/a", ("writer@example.com",), id="a name alone is anywhere"),
        pytest.param("a/b/charts/c", ("@acme/charts", "@ada"), id="two stars are any folders"),
        pytest.param("charts", ("@acme/charts", "@ada"), id="and none"),
        pytest.param("apps/shop/prod", ("@acme/prod",), id="one star is one folder"),
        pytest.param("apps/shop/x/prod", ("@acme/platform",), id="and not two"),
        pytest.param("open/a", (), id="a line without owners takes it from everybody"),
        pytest.param("with blank", ("@acme/blank",), id="a blank in a name"),
    ],
)
def test_a_folder_is_owned_by_the_last_line_that_fits(path: str, owners: tuple[str, ...]) -> None:
    found, wrong = parse_codeowners(FILE, "CODEOWNERS")
    line = found.line_of(path)
    assert wrong == ()
    assert line is not None
    assert line.owners == owners


def test_where_no_line_fits_nobody_owns() -> None:
    found, _ = parse_codeowners("/deploy/ @acme/deploy\n", "CODEOWNERS")
    assert found.line_of("src") is None
    assert found.line_of() is None


def test_a_section_of_gitlab_has_owners_of_its_own() -> None:
    found, wrong = parse_codeowners("[Docs][2] @acme/docs\ndocs/\n^[Free]\n* @acme/all\n", "CODEOWNERS")
    assert wrong == ()
    assert [each.owners for each in found.lines] == [("@acme/docs",), ("@acme/all",)]


def test_mistakes_are_named_by_their_line_and_the_rest_is_kept() -> None:
    found, wrong = parse_codeowners("!docs/ @acme/docs\n* payments\n/a @acme/a\n", "CODEOWNERS")
    assert [(line, message) for line, message, _ in wrong] == [
        (1, "the pattern !docs/ is none that CODEOWNERS knows"),
        (2, "payments is no owner"),
    ]
    assert [each.pattern for each in found.lines] == ["/a"]


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/payments",
        "https://GitHub.com/acme/Payments.git",
        "https://user:token@github.com/acme/payments/",
        "git@github.com:acme/payments.git",
        "ssh://git@github.com/acme/payments.git",
        "github.com/acme/payments",
    ],
)
def test_a_repository_is_the_same_however_it_is_written(url: str) -> None:
    assert repository_of(url) == "github.com/acme/payments"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://ada:s3cret@GitHub.com/Acme/payments.git", id="of HTTPS"),
        pytest.param("HTTPS://ada:p@ss@GitHub.com/Acme/payments", id="with an @ in it"),
        pytest.param("git@GitHub.com:Acme/payments.git", id="of SSH"),
    ],
)
def test_people_see_a_repository_as_it_is_written_without_credentials(url: str) -> None:
    assert address_of(url) == "GitHub.com/Acme/payments"


def test_a_port_is_no_owner_of_a_repository() -> None:
    assert repository_of("https://git.example.com:8443/acme/x.git") == "git.example.com:8443/acme/x"
