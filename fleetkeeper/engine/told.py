"""What steps and gates tell others about their subject: fields of requests, variables of programs, words."""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from fleetkeeper.engine.step import Subject

NAMES = (
    *("cluster", "arn", "account", "region", "service", "environment", "ring"),
    *("run", "plan", "playbook", "stage", "group"),
)
"""What is told of every subject, "" where it does not apply: the cluster of a gate, the run of a dry run."""

_PLACE = re.compile(r"\{([a-z_]+)\}")


def told(subject: Subject) -> Mapping[str, str]:
    """Name → text, for exactly NAMES."""
    member, header = subject.member, subject.header
    attributes = member.attributes if member else {}
    own = ("account", "region", "service", "environment", "ring")
    return {
        "cluster": member.name if member else "",
        "arn": member.cluster.arn if member else "",
        **{name: attributes.get(name, "") for name in own},
        "run": subject.run.id if subject.run else "",
        "plan": header.id,
        "playbook": header.playbook,
        "stage": header.stages[subject.stage].name,
        "group": subject.group,
    }


def filled(text: str, subject: Subject) -> str:
    """A text with its {placeholders} filled; no expression, no format, nothing but NAMES."""
    values = told(subject)
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text)


def wrong_placeholders(text: str) -> str:
    """What is wrong with the placeholders of a text, "" when nothing is."""
    unknown = [name for name in _PLACE.findall(text) if name not in NAMES]
    if not unknown:
        return ""
    near = get_close_matches(unknown[0], NAMES, n=1)
    hint = f"did you mean {{{near[0]}}}?" if near else f"there are {', '.join(f'{{{name}}}' for name in NAMES)}"
    return f"has {{{unknown[0]}}}, which stands for nothing ({hint})"
