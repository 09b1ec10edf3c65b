"""users.*, usergroups.* and dnd.*: who people are, and when they must not be disturbed.

docs.slack.dev/reference/methods/users.info, users.lookupByEmail, usergroups.users.list, dnd.teamInfo (as of
slack-ruby/slack-api-ref, 2026-08-20). "If the user has been deactivated, users_not_found will be returned" (the page of
users.lookupByEmail); users.info still knows them, with `deleted`.
"""

from fleetkeeper.sim.slack.methods.call import Call
from fleetkeeper.sim.slack.shapes import person_json
from fleetkeeper.sim.slack.values import ApiError, Json

EMAIL_SCOPE = "users:read.email"
MOST_ASKED = 50
"""Users in one call of dnd.teamInfo."""


def info(call: Call) -> Json:
    person = call.workspace.people.get(call.text("user"))
    if person is None:
        raise ApiError("user_not_found")
    return {"user": person_json(person, call.workspace.now(), EMAIL_SCOPE in call.token.scopes)}


def by_email(call: Call) -> Json:
    person = call.workspace.by_email(call.text("email"))
    if person is None or person.deleted:
        raise ApiError("users_not_found")
    return {"user": person_json(person, call.workspace.now(), True)}


def group(call: Call) -> Json:
    found = call.workspace.groups.get(call.text("usergroup"))
    if found is None:
        raise ApiError("no_such_subteam")
    return {"users": list(found)}


def do_not_disturb(call: Call) -> Json:
    """Of those whom Slack knows; the others are left out."""
    users = [each for each in call.text("users").split(",") if each]
    if not users:
        raise ApiError("no_users_provided")
    if len(users) > MOST_ASKED:
        raise ApiError("too_many_users")
    known = {each: call.workspace.people[each] for each in users if each in call.workspace.people}
    return {"users": {id: _quiet(person.quiet) for id, person in known.items()}}


def _quiet(quiet: tuple[int, int] | None) -> Json:
    start, end = quiet or (1, 1)
    return {"dnd_enabled": quiet is not None, "next_dnd_start_ts": start, "next_dnd_end_ts": end}
