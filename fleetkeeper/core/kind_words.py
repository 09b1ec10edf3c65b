"""What each kind of step, gate and hold does, in words for the person who approves it or looks at it at night."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepWords:
    """One kind of step. dry_run: what it shows beforehand; wrong: what can go wrong; back: the way back."""

    does: str
    dry_run: str
    wrong: str
    back: str


STEPS: Mapping[str, StepWords] = {
    "preflight": StepWords(
        does="looks at the cluster as it is now, and lets nothing begin that should not",
        dry_run="the same: it only reads",
        wrong="it waits, blocks or fails the member, and says what is in the way",
        back="nothing to take back: it changes nothing",
    ),
    "wait-for": StepWords(
        does="waits until a condition holds in the world",
        dry_run="says whether the condition holds now",
        wrong="the condition does not come true in time: the member fails and says what it saw last",
        back="nothing to take back: it changes nothing",
    ),
    "notify": StepWords(
        does="posts one message to a channel of the settings",
        dry_run="shows the message",
        wrong="the channel does not answer or refuses: the member waits, and it is tried again with the same"
        " Idempotency-Key",
        back="a message that was posted stays",
    ),
    "webhook": StepWords(
        does="calls an endpoint of the executor's allow-list, and waits for what it says",
        dry_run="names the endpoint, and what is waited for",
        wrong="no answer: it is called again with the same Idempotency-Key, by which the other side must know the"
        " call; a refusal fails the member with its words",
        back="an abort calls the endpoint that `undo` names; without one, what was called is listed as left behind",
    ),
    "run-command": StepWords(
        does="runs a program of the executor's allow-list, without a shell, and waits for its end",
        dry_run="names the program",
        wrong="it ends with an error: the member fails and shows the end of its output; where nobody saw its end, a"
        " person is asked, or with `repeatable` it counts as failed",
        back="an abort stops it and runs the program that `undo` names; without one, what was run is listed as left"
        " behind",
    ),
    "backup": StepWords(
        does="makes a backup of the cluster and waits until it is complete",
        dry_run="says what it would back up, or names the program",
        wrong="the backup fails or is partial: the member fails before a later step begins",
        back="a backup is kept until its time to live is over; an abort removes one that Velero has not taken up, and"
        " lists one that Velero still makes; a program is stopped, and listed as left behind",
    ),
    "update-addon": StepWords(
        does="updates one EKS addon to the plan's version, keeps its configuration, and waits until EKS says ACTIVE",
        dry_run="says which addon goes from which version to which",
        wrong="EKS refuses or the addon gets DEGRADED: the member fails with EKS's own words; the addon's pods restart",
        back="an update that runs cannot be stopped: an abort follows it to its end and leaves the addon as it is then;"
        " the version from before comes back by hand, with the aws eks update-addon that the log of the abort tells",
    ),
}

GATES: Mapping[str, str] = {
    "approval": "waits for an approver, who is not the one who asked for the run",
    "soak": "waits for its time to pass, and looks at the health of the clusters meanwhile",
    "metric": "opens while a Prometheus query answers as it should",
    "readiness": "opens when no new blocker was found in its clusters",
    "change": "opens a change ticket from the plan and waits for its approval",
    "change-close": "closes the change ticket with what was done to which cluster",
    "incident": "holds while an incident is open",
}

_OTHER = StepWords(
    does="is a step of this fleet's own",
    dry_run="shows what it would do",
    wrong="it fails, and says why",
    back="as its own documentation says",
)


def step_words(kind: str) -> StepWords:
    return STEPS.get(kind, _OTHER)


def gate_words(kind: str) -> str:
    return GATES.get(kind, "is a gate of this fleet's own")
