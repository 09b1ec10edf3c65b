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
        wrong="it blocks the member and says what is in the way",
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
        wrong="the channel does not answer: it is tried again, and the member waits",
        back="a message stays; later ones say how it ended",
    ),
    "webhook": StepWords(
        does="calls an endpoint of the executor's allow-list, once, and waits for what it says",
        dry_run="names the endpoint and the body",
        wrong="no answer after the call: whether it was taken cannot be seen, and a person is asked",
        back="an abort calls nothing: what the other side did is undone there",
    ),
    "run-command": StepWords(
        does="runs a program of the executor's allow-list, without a shell, and waits for its end",
        dry_run="names the program and its variables",
        wrong="it ends with an error: the member fails and shows the end of its output",
        back="an abort stops it; what it did is undone by hand",
    ),
    "backup": StepWords(
        does="makes a backup of the cluster and waits until it is complete",
        dry_run="names the backup that it would make",
        wrong="the backup fails or is partial: the member fails before anything was changed",
        back="the backup stays until its time to live is over; an abort removes one that is not complete",
    ),
    "update-addon": StepWords(
        does="updates one EKS addon to the plan's version, keeps its configuration, and waits until EKS says ACTIVE",
        dry_run="says which addon goes from which version to which",
        wrong="EKS refuses or the addon gets DEGRADED: the member fails with EKS's own words; the addon's pods restart",
        back="an update that runs cannot be stopped and is followed to its end; afterwards the version from"
        " before is installed again with aws eks update-addon --addon-version",
    ),
    "propose": StepWords(
        does="sends the exact change of a version once to whoever keeps it as code, and waits until the world shows it",
        dry_run="shows what it would send, word for word",
        wrong="nobody makes the change: the member waits and says where it was proposed; what moved elsewhere blocks",
        back="a proposal that is open is withdrawn where the settings say how, or named; what was changed stays",
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
