"""What another look came to, told in the thread of the message whose button asked for it."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from fleetkeeper.core.interacting import words
from fleetkeeper.core.notices.values import NoticeKind
from fleetkeeper.core.wording import some
from fleetkeeper.engine.notice_ports import Notices, Recheck, Record, Writing
from fleetkeeper.engine.ports import Clock


@dataclass(frozen=True, slots=True)
class Rechecking:
    notices: Notices
    clock: Clock

    def tell(
        self,
        recheck: Recheck,
        looked: Mapping[str, Collection[str]],
        unseen: Sequence[str] = (),
        partly: Sequence[str] = (),
    ) -> str:
        """Store the result as a reply, once, and settle the recheck; the words of it.

        looked: of each cluster that was looked at (by the key of items) the fingerprints that still count. unseen: the
        names of those that could not be looked at, of which nothing is said to be mended; partly: of those where
        something could not be read, and counts as it did before.
        """
        now = self.clock.now()
        record = self.notices.record(recheck.notice)
        text = words.looked_again(recheck.clusters, unseen, recheck.person, *_counts(record, looked))
        if partly:
            text = f"{text} {words.PARTLY.format(clusters=some(partly))}"
        if record is not None:
            reply = replace(
                record.notice,
                id=_id(recheck),
                kind=NoticeKind.ANSWER,
                day=now.date(),
                at=now,
                entries=(),
                why=f"{recheck.person} asked for another look",
                why_then="",
                thread=record.notice.thread or record.notice.id,
                following="",
                subject=recheck.id,
            )
            self.notices.save_turn([Writing(reply, words.plain(text))], (), {}, now)
        self.notices.rechecked(recheck.id, text, now)
        return text


def _counts(record: Record | None, looked: Mapping[str, Collection[str]]) -> tuple[int, int]:
    """How many items of the message were looked at, and how many of them are still there."""
    keys = {entry.item for entry in record.notice.entries} if record else set()
    seen = [key for key in keys if key.cluster in looked]
    return len(seen), sum(key.fingerprint in looked[key.cluster] for key in seen)


def _id(recheck: Recheck) -> str:
    return hashlib.blake2b(f"recheck\0{recheck.id}".encode(), digest_size=12).hexdigest()
