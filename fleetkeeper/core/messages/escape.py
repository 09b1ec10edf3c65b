"""Words from clusters made harmless in Slack: no name becomes a link, a mention, an emoji or formatting.

Only three characters are escaped in Slack's text: & < > (docs.slack.dev/messaging/formatting-message-text, read
2026-11-20). All other markup is taken away by showing what carries it as code, where Slack reads none.
"""

import re
from collections.abc import Iterator

from fleetkeeper.core.text import ELLIPSIS, safe

NAME = 80
"""Characters of a name in a message: Kubernetes allows 253, and nobody reads them on a phone."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_RISKY = re.compile(r"[*_~<>&@|]|:[\w+'-]+:|://", re.ASCII)
_RISKY_OR_CODE = re.compile(f"{_RISKY.pattern}|`", re.ASCII)
_EDGES = re.compile(r"^([(\[{\"]*)(:[^:]+:|.*?)([)\]}\",;.:!?]*)$", re.DOTALL)
_SPAN = re.compile(r"""(?<!\S)([(\[\"]*)`([^`]*[^`\s][^`]*)`([)\]",;.:!?']*)(?!\S)""")
_QUOTE = "\N{MODIFIER LETTER APOSTROPHE}"
_COMMAND = re.compile(
    r"\b(?:(?:kubectl|aws) -?[a-z]|helm (?:-n|upgrade|rollback|get|history|list)\b"
    r"|fleetkeeper (?:run|get|explain|plan)\b).*?(?=; |, |\)|$| (?:and|or|with|if|in|lists) )"
)


def escaped(raw: str, limit: int) -> str:
    """One line of at most limit characters as Slack counts them, after escaping."""
    shown = safe(" ".join(raw.split()), limit)
    text = shown.translate(_ENTITIES)
    if len(text) <= limit:
        return text
    kept, width = [], 0
    for piece in (char.translate(_ENTITIES) for char in shown):
        width += len(piece)
        if width > limit - len(ELLIPSIS):
            break
        kept.append(piece)
    return "".join(kept) + ELLIPSIS


def code(raw: str, limit: int = NAME) -> str:
    """A name as it is written, in a code span: the one place where Slack reads no markup at all."""
    return f"`{escaped(raw.replace('`', _QUOTE), limit) or '?'}`"


def words(raw: str, limit: int) -> str:
    """A sentence that may hold names: what could be read as markup in it stands in code spans."""
    flat = " ".join(raw.split())
    if len(flat) < limit and flat.isascii() and flat.isprintable() and not _RISKY_OR_CODE.search(flat):
        return flat
    kept: list[str] = []
    width = 0
    for piece in _pieces(flat):
        room = limit - width - len(ELLIPSIS)
        if len(piece) > room:
            kept.append(_shortened(piece, room))
            break
        kept.append(piece)
        width += len(piece) + 1
    return " ".join(filter(None, kept))


def advice(raw: str, limit: int) -> str:
    """A sentence that may hold commands as well, which stand in code spans so that they can be copied."""
    return words(raw if "`" in raw else _COMMAND.sub(lambda found: f"`{found[0]}`", raw), limit)


def block(raw: str, limit: int) -> str:
    """Several lines word for word, as a code block that can be copied."""
    lines = [line.replace("`", _QUOTE) for line in raw.splitlines() if line.strip()]
    indents = [line[: len(line) - len(line.lstrip(" "))][:8] for line in lines]
    shown = (f"{indent}{escaped(line, limit)}" for indent, line in zip(indents, lines, strict=True))
    return "\n".join(["```", *shown, "```"])


def commands(raw: str) -> tuple[str, ...]:
    """The commands that a sentence tells people to type."""
    return tuple(dict.fromkeys(found[0].strip().replace("`", "") for found in _COMMAND.finditer(raw)))


def is_harmless(shown: str) -> bool:
    """Whether a text of ours, as it goes to Slack, holds no mention, no link and no markup but ours (bold, code)."""
    bare = re.sub(r"`[^`]*`", "", shown)
    return not re.search(r"[<>]|@(?:channel|here|everyone)\b|://|:[a-z][\w+'-]*:", bare, re.ASCII)


def _pieces(raw: str) -> Iterator[str]:
    """Words, each harmless; what stands between backticks already is one piece. A stray backtick is none any more."""
    done = 0
    for found in _SPAN.finditer(raw):
        yield from map(_word, raw[done : found.start()].replace("`", _QUOTE).split())
        yield f"{escaped(found[1], 9)}{code(found[2], 600)}{found[3]}"
        done = found.end()
    yield from map(_word, raw[done:].replace("`", _QUOTE).split())


def _word(word: str) -> str:
    if not _RISKY.search(word):
        return escaped(word, 300)
    before, inside, after = _EDGES.fullmatch(word).groups()  # type: ignore[union-attr] # it takes every text
    return f"{before}{code(inside, 300)}{after}" if inside else code(word, 300)


def _shortened(piece: str, room: int) -> str:
    """The beginning of a piece that is too long, whole in its markup; a short one is left out instead."""
    if piece.startswith("`") and room > 12:
        return code(piece.strip("`").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), room - 2)
    return ELLIPSIS
