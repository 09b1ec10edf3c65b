"""Which person a Slack account is, and who may answer what: every click is somebody's, by an e-mail address."""

from collections.abc import Iterable, Mapping

from fleetkeeper.core.interacting.values import Click, Clicker
from fleetkeeper.core.owners import Contact, Reach, Team
from fleetkeeper.core.people import People, Role
from fleetkeeper.core.wording import some


def is_stranger(click: Click) -> bool:
    """Whether the clicker is of another workspace (a shared channel): nobody there is known by our Slack."""
    return bool(click.team and click.workspace and click.team != click.workspace)


def clicker_of(user: str, contact: Contact, people: People) -> Clicker | None:
    """None where Slack does not vouch for an address: nobody is believed by the name that they show."""
    if contact.reach is not Reach.KNOWN or "@" not in contact.email:
        return None
    return Clicker(user, person_of(user, contact.email, people), contact.email)


def person_of(user: str, email: str, people: People) -> str:
    """The one name of a person with several accounts: by the account's id where `alike` has it, else by its address."""
    if user in people.alike:
        return people.person(user)
    known = {name.casefold(): name for name in (*people.alike, *people.roles)}
    return people.person(known.get(email.casefold(), email.lower()))


def is_of(clicker: Clicker, team: Team, people: People) -> bool:
    named = filter(None, (*team.members, team.lead, team.manager))
    return any(_is(clicker, name, people) for name in named)


def owners_of(clicker: Clicker, teams: Mapping[str, Team], owners: Iterable[str], people: People) -> frozenset[str]:
    """Those of the owners (teams, or people's addresses) that the clicker may answer for by being of them."""
    return frozenset(
        owner
        for owner in owners
        if (is_of(clicker, teams[owner], people) if owner in teams else _is(clicker, owner, people))
    )


def refusal_to_answer(
    clicker: Clicker, owner: str, teams: Mapping[str, Team], people: People, does: str = "answer"
) -> str:
    """Why the clicker may not answer for this owner, with who may; "" when they may."""
    if owners_of(clicker, teams, (owner,), people) or people.may(clicker.person, Role.OPERATOR):
        return ""
    team = teams.get(owner)
    named = dict.fromkeys(filter(None, (team.lead, *team.members, team.manager))) if team else ()
    own = f"people of {owner} ({some(named)})" if named else f"people of {owner}"
    return (
        f"You are {clicker.person} here, and may not {does} for {owner}: {own} may, and operators"
        f" ({_with(people, Role.OPERATOR)}). Who belongs to a team stands in [[owners.teams]] of fleetkeeper."
    )


def refusal_of_role(clicker: Clicker, role: Role, does: str, people: People) -> str:
    """Why the clicker may not do what takes a role, with who may; "" when they may."""
    if people.may(clicker.person, role):
        return ""
    return f"You are {clicker.person} here, and may not {does}: that takes the role {role}. {_with(people, role)} may."


def _with(people: People, role: Role) -> str:
    return some(people.with_role(role)) or f"nobody, until approvals.people names a person with the role {role}"


def _is(clicker: Clicker, name: str, people: People) -> bool:
    if name == clicker.user:
        return True
    return person_of("", name, people) == clicker.person
