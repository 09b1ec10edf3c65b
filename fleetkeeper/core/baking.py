"""Whether the bakes of a playbook can end at all: a step that waits longer than its timeout would fail every member."""

from datetime import timedelta

from fleetkeeper.core.amount import duration_text, parse_duration
from fleetkeeper.core.playbook import Playbook, StepSpec


def never_end(playbook: Playbook) -> tuple[str, ...]:
    """One sentence for each bake whose timeout leaves no time for the observation at its end."""
    return tuple(
        f"step {step.name}: timeout: must be longer than its `for`, {duration_text(length)}: an observation ends it"
        for step in playbook.steps
        if (length := _length(step)) and step.timeout <= length
    )


def _length(step: StepSpec) -> timedelta:
    """Nothing for a step of another kind; what cannot be read is told where the step's own parameters are."""
    try:
        return parse_duration(str(step.params.get("for", ""))) if step.kind == "bake" else timedelta()
    except ValueError:
        return timedelta()
