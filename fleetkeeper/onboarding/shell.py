"""Text that reads as prose and runs as a shell script: prose in comments, commands and files as they are."""

import json
import shlex
import textwrap
from collections.abc import Mapping
from typing import Any

from fleetkeeper.core.text import safe

_WIDTH = 100
_RULE = 100

# What stands for fleetkeeper's own ARN when nobody told it; IAM refuses it as long as nobody edits it.
PRINCIPAL_VARIABLE = "FLEETKEEPER_PRINCIPAL"


def prose(text: str) -> str:
    """Comment lines of at most 100 columns; blank lines part paragraphs, and one that begins with "$ " is a command."""
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return "\n#\n".join("\n".join(f"# {line}" for line in _wrapped(safe(p, 2000))) for p in paragraphs) + "\n"


def _wrapped(paragraph: str) -> list[str]:
    if paragraph.startswith("$ "):
        return [f"  {paragraph[2:]}"]
    return textwrap.wrap(paragraph, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)


def heading(text: str) -> str:
    return f"\n# ---- {safe(text, 200)} ".ljust(_RULE, "-") + "\n"


def command(*words: str) -> str:
    """One command; a long one with each option and its value on a line of their own.

    $FLEETKEEPER_PRINCIPAL in a word is left to the shell; everything else is quoted as needed.
    """
    lines: list[list[str]] = [[]]
    for word in words:
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(f'"{word}"' if f"${PRINCIPAL_VARIABLE}" in word else shlex.quote(safe(word, 2000)))
    short = " ".join(" ".join(line) for line in lines)
    return (short if len(short) <= _WIDTH else " \\\n  ".join(" ".join(line) for line in lines)) + "\n"


def file(name: str, content: str, expand: bool = False) -> str:
    """Write a file; expand lets the shell put in its variables, which nothing else in the content may look like."""
    end = "EOF" if expand else "'EOF'"
    return f"cat > {shlex.quote(name)} <<{end}\n{content.rstrip()}\nEOF\n"


def pretty(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def ask_principal(purpose: str) -> str:
    """The line to edit when fleetkeeper's own ARN is not known."""
    told = prose(
        f"EDIT the next line: {purpose}. Where fleetkeeper runs, `aws sts get-caller-identity --query Arn --output "
        "text` tells; of arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION write arn:aws:iam::ACCOUNT:role/NAME. Or run "
        "this again with --principal ARN, and there is nothing to edit."
    )
    return f"{told}{PRINCIPAL_VARIABLE}='arn:aws:iam::000000000000:role/EDIT-ME'\n"
