"""auth.test and apps.connections.open: who the app is, and where its sockets go.

docs.slack.dev/reference/methods/auth.test, apps.connections.open (as of slack-ruby/slack-api-ref, 2026-08-20).
"""

from fleetkeeper.sim.slack.methods.call import Call
from fleetkeeper.sim.slack.values import Json
from fleetkeeper.sim.slack.workspace import APP, APP_NAME, BOT, BOT_USER, DOMAIN, TEAM, TEAM_NAME


def test(call: Call) -> Json:
    """With an app-level token only what the app is."""
    if call.token.is_app_level:
        return {"app_name": APP_NAME, "app_id": APP}
    who = {"user": APP_NAME, "user_id": BOT_USER, "bot_id": BOT}
    team = {"url": f"https://{DOMAIN}.slack.com/", "team": TEAM_NAME, "team_id": TEAM}
    return {**team, **who, "is_enterprise_install": False}


def open_connection(call: Call) -> Json:
    """An address for one socket; each ticket serves once."""
    return {"url": f"{call.link}/link/?ticket={call.workspace.ticket()}&app_id={APP}"}
