"""What Slack's refusals mean to us: one table of its words, each with what mends it.

docs.slack.dev/reference/methods/chat.postMessage, chat.update, conversations.open (read 2026-11-20). Of fatal_error and
internal_error Slack says that a part may have succeeded: so a message may be out.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from fleetkeeper.adapters.slack.transport import TooLate
from fleetkeeper.core.text import safe
from fleetkeeper.engine.chat import Doubtful, Gone, Throttled, Undeliverable
from fleetkeeper.errors import GapReason, Unreachable

_LONGEST = 200
_RETRY_AFTER = 30.0
"""Seconds to wait after a 429 that does not say how long."""
_LONGEST_WAIT = 3600.0

POST = "chat.postMessage"
"""Limits are of a method and workspace; this one's are of the channel and the workspace."""

TOKEN = frozenset({"invalid_auth", "token_expired", "token_revoked", "not_authed", "account_inactive"})
"""The token is none (any more); nothing was done. account_inactive is of the token's own account, not of a reader's."""

NO_HISTORY = frozenset({"missing_scope", "not_in_channel", "no_permission", "not_allowed_token_type", "access_denied"})
"""Answers to a look at a channel's history that mean: we may not look."""


class _Means(Enum):
    NOBODY = auto()  # there is no such place, or nobody is there
    REFUSED = auto()  # this message, or this place, will not do
    EVERYWHERE = auto()  # nothing goes out until somebody mends the app
    GONE = auto()  # the message to edit, or the thread to answer in
    LATER = auto()  # surely not out
    DOUBT = auto()


_APP = "mend the app's token or its scopes (docs/slack.md)"
_OWN = "that is a fault of fleetkeeper's own: please report it"
_POSTING = "ask an admin of the workspace to let the app post there, or set another channel in [owners]"

_WORDS: Mapping[str, tuple[_Means, str]] = {
    "is_archived": (_Means.NOBODY, "the channel is archived: unarchive it, or set another one in [owners]"),
    "is_inactive": (_Means.NOBODY, "the channel is archived: unarchive it, or set another one in [owners]"),
    "channel_not_found": (_Means.NOBODY, "no such channel, or a private one: invite the app, or correct the id"),
    "not_in_channel": (_Means.NOBODY, "the app is not in the channel: invite it, or grant it chat:write.public"),
    "user_not_found": (_Means.NOBODY, "Slack knows no such person: name somebody else in [owners]"),
    "users_not_found": (_Means.NOBODY, "Slack knows no such person: name somebody else in [owners]"),
    "user_disabled": (_Means.NOBODY, "the account is deactivated: name somebody else in [owners]"),
    "user_not_visible": (_Means.NOBODY, "the app may not see this person: name somebody else in [owners]"),
    "cannot_dm_bot": (_Means.NOBODY, "that is a bot, not a person: name somebody else in [owners]"),
    "restricted_action": (_Means.REFUSED, _POSTING),
    "restricted_action_read_only_channel": (_Means.REFUSED, _POSTING),
    "restricted_action_thread_only_channel": (_Means.REFUSED, _POSTING),
    "restricted_action_non_threadable_channel": (_Means.REFUSED, _POSTING),
    "msg_too_long": (_Means.REFUSED, _OWN),
    "msg_blocks_too_long": (_Means.REFUSED, _OWN),
    "invalid_blocks": (_Means.REFUSED, _OWN),
    "invalid_blocks_format": (_Means.REFUSED, _OWN),
    "invalid_arguments": (_Means.REFUSED, _OWN),
    "metadata_too_large": (_Means.REFUSED, _OWN),
    "no_text": (_Means.REFUSED, _OWN),
    "invalid_trigger_id": (_Means.REFUSED, "the click is too old: click again"),
    "exchanged_trigger_id": (_Means.REFUSED, "the click is too old: click again"),
    "expired_trigger_id": (_Means.REFUSED, "the click is too old: click again"),
    "invalid_auth": (_Means.EVERYWHERE, _APP),
    "not_authed": (_Means.EVERYWHERE, _APP),
    "token_revoked": (_Means.EVERYWHERE, _APP),
    "token_expired": (_Means.EVERYWHERE, _APP),
    "account_inactive": (_Means.EVERYWHERE, _APP),
    "missing_scope": (_Means.EVERYWHERE, _APP),
    "not_allowed_token_type": (_Means.EVERYWHERE, "bot_token must be a bot's token (xoxb-)"),
    "no_permission": (_Means.EVERYWHERE, _APP),
    "access_denied": (_Means.EVERYWHERE, _APP),
    "ekm_access_denied": (_Means.EVERYWHERE, "admins of the workspace have suspended all posting"),
    "message_not_found": (_Means.GONE, ""),
    "cant_update_message": (_Means.GONE, ""),
    "edit_window_closed": (_Means.GONE, ""),
    "thread_not_found": (_Means.GONE, ""),
    "cannot_reply_to_message": (_Means.GONE, ""),
    "invalid_thread_ts": (_Means.GONE, ""),
    "request_timeout": (_Means.LATER, ""),  # what was sent came in truncated
    "team_added_to_org": (_Means.LATER, ""),  # the workspace is being migrated
    "org_login_required": (_Means.LATER, ""),
    "service_unavailable": (_Means.DOUBT, ""),
    "internal_error": (_Means.DOUBT, ""),
    "fatal_error": (_Means.DOUBT, ""),
}


@contextmanager
def translated(method: str) -> Iterator[None]:
    """Raises Throttled, Unreachable, Doubtful, Undeliverable or Gone in place of what slack_sdk raises.

    urllib wraps in URLError what breaks before the whole request is handed to the system, so that Slack has not got it;
    an answer that breaks off, or never comes, it raises as it is.
    """
    try:
        yield
    except SlackApiError as error:
        raise _refusal(method, error.response) from error
    except URLError as error:
        if isinstance(error.reason, ConnectionResetError | BrokenPipeError):
            raise Doubtful(f"Slack {method}: {_cause(error.reason)}") from error
        raise Unreachable(f"Slack {method}: {_cause(error.reason)}") from error
    except TimeoutError as error:
        raise Doubtful(f"Slack {method}: no whole answer in time") from error
    except (OSError, http.client.HTTPException, ValueError, SlackClientError) as error:
        raise Doubtful(f"Slack {method}: {_cause(error)}") from error


def code_of(error: SlackApiError) -> str:
    """Slack's word for why it refused, "" where the answer is none of Slack's."""
    return str(_answer(error.response).get("error", ""))


def undeliverable(code: str) -> Undeliverable:
    """What Slack means by a word that it did not have to say."""
    means, words = _WORDS[code]
    return Undeliverable(code, words, means is _Means.EVERYWHERE, means is _Means.NOBODY)


def _refusal(method: str, response: SlackResponse) -> Exception:
    status, answer = int(response.status_code), _answer(response)
    code = str(answer.get("error", ""))
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return Throttled(_retry_after(response), f"Slack {method}: too many calls", method != POST)
    means, words = _WORDS.get(code, (None, ""))
    if means is None and status >= 500:
        return Doubtful(f"Slack {method}: it answered {status}")
    if means is None and not code.replace("_", "").isalnum():  # the SDK puts what was no JSON in its place
        return _stranger(method, status)
    detail = f"{words}{_needed(answer)}" if means else f"Slack refused {method}{_complaints(answer)}"
    return _error(method, code, means or _Means.REFUSED, detail + (_complaints(answer) if words == _OWN else ""))


def _error(method: str, code: str, means: _Means, detail: str) -> Exception:
    if means is _Means.GONE:
        return Gone(f"Slack {method}: {code}")
    if means is _Means.LATER:
        return Unreachable(f"Slack {method}: {code}", GapReason.SERVER_ERROR)
    if means is _Means.DOUBT:
        return Doubtful(f"Slack {method}: {code}")
    return Undeliverable(safe(code, 60), detail, means is _Means.EVERYWHERE, means is _Means.NOBODY)


def _stranger(method: str, status: int) -> Exception:
    """The answer is not Slack's: of a proxy, most likely. What it refused was not passed on."""
    told = f"Slack {method}: the answer ({status}) is not Slack's; is slack.api_url or slack.proxy_url right?"
    return Unreachable(told, GapReason.INVALID_ANSWER) if 300 <= status < 500 else Doubtful(told)


def _answer(response: Any) -> Mapping[str, Any]:
    answer = getattr(response, "data", None)
    return answer if isinstance(answer, dict) else {}


def _retry_after(response: SlackResponse) -> float:
    written = {name.lower(): text for name, text in response.headers.items()}.get("retry-after", "")
    try:
        return min(max(float(written), 0.0), _LONGEST_WAIT)
    except (TypeError, ValueError):
        return _RETRY_AFTER


def _needed(answer: Mapping[str, Any]) -> str:
    return f"; it needs {safe(str(answer['needed']), _LONGEST)}" if answer.get("needed") else ""


def _complaints(answer: Mapping[str, Any]) -> str:
    """What Slack says of the blocks that it refuses."""
    inner = answer.get("response_metadata")
    messages = inner.get("messages") if isinstance(inner, dict) else answer.get("errors")
    return f" ({safe('; '.join(map(str, messages)), _LONGEST)})" if isinstance(messages, list) and messages else ""


def _cause(error: object) -> str:
    """The system's own words, without an address or what was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate was refused: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "its name is not known here (DNS)"
    if isinstance(error, TooLate):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, TimeoutError):
        return "no connection in time"
    return type(error).__name__
