"""What a code is about, in one line: of each check its title, and of what no check finds."""

from fleetkeeper.core.assess import NOT_SEEN
from fleetkeeper.core.checks import check_of
from fleetkeeper.core.unowned import NO_OWNER

OF_NO_CHECK = {NOT_SEEN: "Something could not be seen", NO_OWNER: "Nobody is named as the owner"}


def title_of(code: str) -> str:
    """The title, "" for a code of another release."""
    check = check_of(code)
    return check.title if check else OF_NO_CHECK.get(code, "")
