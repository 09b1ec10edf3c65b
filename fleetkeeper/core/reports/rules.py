"""The checks as a page for people: docs/checks.md, and what `fleetkeeper explain FKnnn` says."""

from collections.abc import Iterator, Sequence

from fleetkeeper.core.assess import NOT_SEEN
from fleetkeeper.core.checks import Check
from fleetkeeper.core.unowned import NO_OWNER

NOT_SEEN_RULE = """a part of the cluster could not be read, so the checks that need it cannot judge.

What was not seen never reads as ready. It blocks where one of these checks is critical."""

NO_OWNER_RULE = """what has to be mended in a namespace, or outside of any, has no owner that is named anywhere.

The fallback team is told of it, and can seldom mend it. It is only looked for where [[owners.teams]] has teams, and
keeps nothing from beginning."""

RULES = {NOT_SEEN: NOT_SEEN_RULE, NO_OWNER: NO_OWNER_RULE}
"""Of what is found by no check."""

_GROUPS = {
    "1": "Control plane",
    "2": "Addons",
    "3": "APIs, webhooks and workloads",
    "4": "Nodes and their drain",
    "5": "What AWS has to have ready",
    "6": "Images and security",
}

_HEAD = f"""# Checks

Written by `fleetkeeper explain --all`. Each check is one file in `fleetkeeper/core/checks`.

A part that a check needs and that could not be seen is told once, as {NOT_SEEN}, with the checks that it keeps from
judging. It blocks where one of them is critical: there, what cannot be judged could take a cluster down. What has to be
mended and is owned by nobody is told as {NO_OWNER}, once for each namespace, where teams are configured. Codes are
never used again for something else. A severity can be set in `[assess.severities]`, a finding waived in
`[[assess.waivers]]`."""


def rules_page(checks: Sequence[Check]) -> str:
    """All checks by their group, as Markdown."""
    lines = [_HEAD]
    for digit, title in _GROUPS.items():
        group = [each for each in checks if each.code[2] == digit]
        lines += [f"\n## {title}", *(line for each in group for line in _section(each))] if group else []
    return "\n".join(lines) + "\n"


def _section(check: Check) -> Iterator[str]:
    yield f"\n### {check.code}: {check.title}\n"
    yield rule_text(check)


def rule_text(check: Check) -> str:
    """The rule, what it needs, and what happens when that cannot be seen."""
    needs = ", ".join(each.replace("_", " ") for each in check.needs)
    asked = "asked at each hop" if check.each_hop else "asked once"
    grave = "not seen, it blocks" if check.critical else "not seen, it does not block"
    rule = check.rule[:1].upper() + check.rule[1:]
    return f"{rule}\n\nNeeds {needs}; {asked}; {grave}."
