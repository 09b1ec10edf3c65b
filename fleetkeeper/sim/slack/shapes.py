"""Messages, people and channels as the Web API shows them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from fleetkeeper.sim.slack.values import Channel, Json, Kind, Person, Sent
from fleetkeeper.sim.slack.workspace import APP, APP_NAME, BOT, BOT_USER, DOMAIN, TEAM, Workspace


def message_json(sent: Sent, channel: Channel, with_metadata: bool = True) -> Json:
    """Of a thread's root also how many replies there are; the deleted are gone."""
    shown: Json = {"user": sent.user, "type": "message", "ts": sent.ts, "text": sent.text, "team": TEAM}
    if sent.app:
        shown |= {"bot_id": BOT, "app_id": APP, "bot_profile": {"id": BOT, "name": APP_NAME, "app_id": APP}}
    if sent.blocks:
        shown["blocks"] = list(sent.blocks)
    if sent.editions and not sent.blocks:
        shown["edited"] = {"user": BOT, "ts": sent.editions[-1].at}
    if sent.metadata is not None and with_metadata:
        shown["metadata"] = sent.metadata
    if sent.thread_ts:
        root = channel.messages.get(sent.thread_ts)
        parent = {} if root is None else {"parent_user_id": root.user}
        return {**shown, "thread_ts": sent.thread_ts, **parent}
    replies = thread(channel, sent.ts)
    if replies:
        users = list(dict.fromkeys(each.user for each in replies))
        latest = {"latest_reply": replies[-1].ts, "reply_users": users, "reply_users_count": len(users)}
        shown |= {"thread_ts": sent.ts, "reply_count": len(replies), **latest}
    return shown


def thread(channel: Channel, ts: str) -> list[Sent]:
    """The replies to a message, oldest first."""
    return [each for each in channel.messages.values() if each.thread_ts == ts and not each.deleted]


def permalink_of(sent: Sent) -> str:
    link = f"https://{DOMAIN}.slack.com/archives/{sent.channel}/p{sent.ts.replace('.', '')}"
    return f"{link}?thread_ts={sent.thread_ts}&cid={sent.channel}" if sent.thread_ts else link


def person_json(person: Person, now: datetime, with_email: bool) -> Json:
    """with_email: Slack leaves the address out without the scope users:read.email."""
    team = person.team or TEAM
    profile: Json = {"real_name": person.real_name, "display_name": person.name, "team": team}
    if with_email and person.email:
        profile["email"] = person.email
    shown: Json = {"id": person.id, "team_id": team, "name": person.name, "deleted": person.deleted}
    shown |= {"is_email_confirmed": person.is_confirmed} if with_email else {}
    shown |= {"profile": profile, "is_bot": person.is_bot, "is_app_user": False, "updated": int(now.timestamp())}
    if person.deleted:
        return shown
    offset = now.astimezone(ZoneInfo(person.tz)).utcoffset()
    seconds = 0 if offset is None else int(offset.total_seconds())
    return shown | {"real_name": person.real_name, "tz": person.tz, "tz_label": person.tz, "tz_offset": seconds}


def channel_json(channel: Channel, workspace: Workspace) -> Json:
    created = int(workspace.now().timestamp())
    shown: Json = {"id": channel.id, "created": created, "is_archived": channel.archived, "context_team_id": TEAM}
    if channel.kind == Kind.IM:
        left = workspace.people[channel.user].deleted
        return {**shown, "is_im": True, "user": channel.user, "is_open": True, "is_user_deleted": left}
    private = channel.kind == Kind.PRIVATE
    kinds = {"is_channel": not private, "is_group": private, "is_im": False, "is_mpim": False, "is_private": private}
    member = BOT_USER in channel.members
    return {**shown, **kinds, "name": channel.name, "name_normalized": channel.name, "is_member": member}
