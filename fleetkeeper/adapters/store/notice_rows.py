"""Notices, records of what was told and answers as rows and back, without SQLAlchemy's cost per value."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
import structlog

from fleetkeeper.adapters.store.bulk import Columns, Times, Values, is_sqlite
from fleetkeeper.adapters.store.codec import to_json
from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.core.frozen import maker
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Audience,
    Delivery,
    Entry,
    ItemKey,
    Mode,
    Notice,
    NoticeKind,
    Recipient,
    Sent,
    Told,
    Via,
)
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.notice_ports import Record

T = TypeVar("T")

_log = structlog.get_logger("store")

RECIPIENT: Columns = ("via", "address", "audience", "owners", "timezone")
NOTICE: Columns = (
    *("id", "kind", *RECIPIENT, "day", "at", "why", "why_then", "thread", "following", "subject", "is_urgent"),
    *("entries", "stored_at", "edited_at"),
)
MESSAGE: Columns = ("message", "blocks")
TOLD: Columns = (
    *("cluster", "fingerprint", "owner", "rung", "first_at", "last_at", "times", "opened", "announced", "notice"),
    *("code", "mended", "levels"),
)
ANSWER: Columns = (
    *("id", "kind", "person", "identity", "at", "until", "reason", "mode", "of", "code", "notice", "signature"),
)
DELIVERY: Columns = ("state", "not_before", "attempts", "channel", "ts", "url", "sent_at", "error")

_texts = msgspec.json.Decoder(tuple[str, ...])
_entries = msgspec.json.Decoder(tuple[Entry, ...])
_blocks = msgspec.json.Decoder(tuple[dict[str, Any], ...])
_make_item, _make_told = maker(ItemKey), maker(Told)


class NoticeCodec:
    """Rows of one kind of database."""

    def __init__(self, connection: sa.Connection) -> None:
        sqlite = is_sqlite(connection)
        self.stamp: Callable[[datetime | None], Any] = Times.to_sqlite if sqlite else Times.to_postgresql
        self.moment: Callable[[Any], Any] = Times.from_sqlite if sqlite else Times.from_postgresql

    def notice_row(self, notice: Notice, at: datetime) -> Values:
        """The values of NOTICE, stored at that time."""
        to = notice.recipient
        return (
            storable(notice.id),
            notice.kind.value,
            to.via.value,
            storable(to.address),
            to.audience.value,
            _json(to.owners),
            storable(to.timezone),
            notice.day.isoformat(),
            self.stamp(notice.at),
            storable(notice.why),
            storable(notice.why_then),
            storable(notice.thread),
            storable(notice.following),
            storable(notice.subject),
            notice.is_urgent,
            _json(notice.entries),
            self.stamp(at),
            None,
        )

    def sent(self, row: Sequence[Any]) -> Sent | None:
        """The notice of a row of (NOTICE..., state); None for one of another release, which is left as it is."""
        with_state = _readable(row[0], lambda: (self._notice(row), Delivery(row[len(NOTICE)])))
        if with_state is None:
            return None
        notice, state = with_state
        stored_at, edited_at = row[len(NOTICE) - 2 : len(NOTICE)]
        return Sent(notice, state, self.moment(stored_at), self.moment(edited_at))

    def record(self, row: Sequence[Any]) -> Record | None:
        """The record of a row of (NOTICE..., MESSAGE..., DELIVERY...); None for one of another release."""
        return _readable(row[0], lambda: self._record(row))

    def _record(self, row: Sequence[Any]) -> Record:
        text, blocks = row[len(NOTICE) : len(NOTICE) + 2]
        state, not_before, attempts, channel, ts, url, sent_at, error = row[len(NOTICE) + 2 :]
        return Record(
            notice=self._notice(row),
            message=message_of(text, blocks),
            state=Delivery(state),
            stored_at=self.moment(row[len(NOTICE) - 2]),
            not_before=self.moment(not_before),
            attempts=attempts,
            posted=posted_of(channel, ts, url),
            sent_at=self.moment(sent_at),
            error=error,
        )

    def _notice(self, row: Sequence[Any]) -> Notice:
        id, kind, via, address, audience, owners, timezone, day, at = row[:9]
        why, why_then, thread, following, subject, is_urgent, entries = row[9:16]
        recipient = Recipient(Via(via), address, Audience(audience), _texts.decode(owners), timezone)
        return Notice(
            id=id,
            kind=NoticeKind(kind),
            recipient=recipient,
            day=date.fromisoformat(day),
            at=self.moment(at),
            entries=_entries.decode(entries),
            why=why,
            why_then=why_then,
            thread=thread,
            following=following,
            is_urgent=bool(is_urgent),
            subject=subject,
        )

    def told_row(self, told: Told) -> Values:
        """The values of TOLD."""
        return (
            storable(told.key.cluster),
            storable(told.key.fingerprint),
            storable(told.owner),
            told.rung,
            self.stamp(told.first),
            self.stamp(told.last),
            told.times,
            told.opened,
            self.stamp(told.announced),
            storable(told.notice),
            storable(told.code),
            self.stamp(told.mended),
            _json(told.levels) if told.levels else "[]",
        )

    def told(self, row: Sequence[Any]) -> Told:
        cluster, fingerprint, owner, rung, first, last, times, opened, announced, notice, code, mended, levels = row
        return _make_told(
            _make_item(cluster, fingerprint),
            owner,
            rung,
            self.moment(first),
            self.moment(last),
            times,
            opened,
            self.moment(announced),
            notice,
            code,
            self.moment(mended),
            _texts.decode(levels) if levels != "[]" else (),
        )

    def answer_row(self, answer: Answer) -> Values:
        """The values of ANSWER."""
        return (
            storable(answer.id),
            answer.kind.value,
            storable(answer.person),
            storable(answer.identity),
            self.stamp(answer.at),
            answer.until.isoformat() if answer.until else None,
            storable(answer.reason),
            answer.mode.value,
            storable(answer.of),
            storable(answer.code),
            storable(answer.notice),
            storable(answer.signature),
        )

    def answer(self, row: Sequence[Any], items: Collection[ItemKey]) -> Answer | None:
        """None for one of another release."""
        id, kind, person, identity, at, until, reason, mode, of, code, notice, signature = row
        return _readable(
            id,
            lambda: Answer(
                id=id,
                kind=AnswerKind(kind),
                items=tuple(items),
                person=person,
                identity=identity,
                at=self.moment(at),
                until=date.fromisoformat(until) if until else None,
                reason=reason,
                mode=Mode(mode),
                of=of,
                code=code,
                notice=notice,
                signature=signature,
            ),
        )


def message_row(message: Message) -> tuple[str, str, str]:
    """(text, blocks as JSON, digest of both)."""
    text, blocks = storable(message.text), _json(message.blocks)
    digest = hashlib.blake2b(f"{len(text)} {text}{blocks}".encode(), digest_size=16)
    return text, blocks, digest.hexdigest()


def message_of(text: str, blocks: str) -> Message:
    return Message(text, _blocks.decode(blocks))


def posted_of(channel: str | None, ts: str | None, url: str) -> Posted | None:
    return None if channel is None or ts is None else Posted(channel, ts, url)


def texts_of(text: str) -> tuple[str, ...]:
    """A JSON list of texts."""
    return _texts.decode(text)


def _readable(id: str, read: Callable[[], T]) -> T | None:
    """One row that another release wrote must not stop all: it is left out, and logged."""
    try:
        return read()
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        _log.warning("notice_unreadable", id=id, reason=str(error))
        return None


def _json(value: object) -> str:
    return to_json(value).decode()
