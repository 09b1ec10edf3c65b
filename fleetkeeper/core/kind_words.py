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
        dry_run="says which addon goes from which version to which, which fields of its configuration and of the"
        " cluster are somebody's own, and what becomes of each",
        wrong="EKS refuses or the addon gets DEGRADED: the member fails with EKS's own words; the addon's pods restart",
        back="an update that runs cannot be stopped: an abort follows it to its end; with undo = restore an abort, or"
        " the failure of another addon of the set, puts version and configuration back; else the addon stays as it is"
        " then, and comes back by hand with the aws eks update-addon that the log of the abort tells",
    ),
    "bake": StepWords(
        does="waits for its time to pass, and holds the cluster's health against what preflight counted",
        dry_run="says for how long, and whether the cluster is sound now",
        wrong="the cluster is less sound than before: the member fails, with what, since when, and the way back",
        back="nothing to take back: it changes nothing",
    ),
    "postflight": StepWords(
        does="looks whether versions are those of the plan and the cluster as sound as before; tells what was left and"
        " what the owner writes into the source",
        dry_run="says which versions it will ask for",
        wrong="something is not as planned, or less sound: the member fails and says what",
        back="nothing to take back: it changes nothing",
    ),
    "silence-alerts": StepWords(
        does="silences alerts of this one cluster while it is at work, never those that a gate or hold reads",
        dry_run="says at which silencer, by which matchers or services, and for how long",
        wrong="the silencer does not answer: the member waits; a dead fleetkeeper's silence ends by itself",
        back="an abort ends the silence; what failed is heard again when its time is over",
    ),
    "end-silences": StepWords(
        does="ends the silence of this cluster",
        dry_run="says whether one holds",
        wrong="the silencer does not answer: the member waits, and the silence ends by itself",
        back="nothing to take back: the cluster is as it was",
    ),
    "refresh-insights": StepWords(
        does="has EKS compute the cluster's readiness insights anew, and waits until it has",
        dry_run="says whether a refresh is under way",
        wrong="EKS cannot refresh them: it is tried again, and the next step blocks on what is old",
        back="nothing to take back: the cluster is as it was",
    ),
    "upgrade-control-plane": StepWords(
        does="moves the control plane one minor up through EKS, without force, and waits until EKS says ACTIVE there",
        dry_run="says from which minor to which, what EKS holds against it, and who else is at work",
        wrong="EKS refuses, or its new API servers stay unhealthy and it goes back by itself: the member fails with"
        " EKS's own words; clients of the API server connect anew",
        back="it cannot be stopped, and is followed to its end; for 7 days after its end a rollback takes the"
        " control plane back",
    ),
    "rollback-control-plane": StepWords(
        does="takes the control plane one minor back through EKS, without force; with EKS Auto Mode its nodes go first",
        dry_run="says whether EKS still takes it, until when, and what must be done first",
        wrong="EKS refuses, or the nodes of Auto Mode do not go back in time: the member fails and stays on its minor;"
        " addons, node groups and stored objects never go back with it",
        back="an abort cancels it while the nodes of Auto Mode roll, else follows it to its end; forward again is an"
        " upgrade",
    ),
    "hold-nodes": StepWords(
        does="puts a disruption budget of no nodes in front of Karpenter's NodePools, so that no node is replaced for"
        " a newer image while the control plane moves; other reasons, expiry and interruptions go on",
        dry_run="names the NodePools that it would hold",
        wrong="another run holds a NodePool, or somebody opens it again: the member is blocked and says who",
        back="an abort takes exactly this budget away; one that somebody changed is left and told",
    ),
    "release-nodes": StepWords(
        does="takes that budget away, and waits until Karpenter has replaced the nodes, within the owner's budgets",
        dry_run="names the NodePools that it would release",
        wrong="nodes stay: it names the pods, budgets and owners that hold them, and blocks when nothing moves for"
        " half an hour",
        back="nodes that were replaced stay replaced",
    ),
    "update-nodegroup": StepWords(
        does="has EKS bring one managed node group to the minor: new nodes first, then the old ones are drained, never"
        " by force",
        dry_run="says which group goes from where to where, and which budgets would stop it",
        wrong="a pod does not go: it is named with its budget and owner while it lasts; EKS gives up 15 minutes after"
        " it began to drain a node, the step fails, and nodes that were replaced stay new",
        back="a roll that runs cannot be stopped and is followed to its end; where EKS allows it, the group goes back"
        " with aws eks update-nodegroup-version, which drains every node once more",
    ),
    "drain-nodes": StepWords(
        does="empties the named nodes: every pod moves once, within its budget, as soon as the other nodes have room;"
        " the nodes stay cordoned",
        dry_run="names the pods that can never move, with budget and owner, and asks the API server by dry runs of"
        " evictions",
        wrong="a pod does not go: it is named with its budget, finalizer or volume and its owner within a look, its"
        " node is set aside after a while, and the rest goes on; nothing is deleted past a budget without an approval",
        back="an abort makes every node schedulable again that this drain cordoned, and no other; pods that moved stay"
        " where they are",
    ),
    "surge-nodes": StepWords(
        does="replaces the instances of a self-managed Auto Scaling group that are not of its launch template's present"
        " version: new ones first, then every pod moves once, then each emptied instance ends by its id",
        dry_run="says which group would grow to what, and which pods can never move",
        wrong="a new node does not join, the group is at its maximum, or a pod does not go: the member is blocked and"
        " says who could free it; nothing goes on while nodes or workloads are less sound than before",
        back="an abort takes every mark off the nodes, resumes AZRebalance and ends new instances that nothing uses;"
        " what was replaced stays new",
    ),
    "restart-fargate": StepWords(
        does="restarts the Deployments and StatefulSets whose pods run on older Fargate nodes, once, as kubectl rollout"
        " restart does, and waits until no such node is left",
        dry_run="names the workloads that it would restart",
        wrong="pods that no restart moves (of a paused Deployment, of no controller), or a rollout that gets stuck:"
        " the member is blocked and says which",
        back="nothing to take back: pods that were made anew run on",
    ),
    "update-release": StepWords(
        does="upgrades one Helm release to a version of its chart, keeps its values, and waits until helm says"
        " deployed; CRDs of the chart that differ are applied first",
        dry_run="renders the new version for the cluster, and says which objects change, come and go, with the diff",
        wrong="pods or hooks do not come up in time: the member fails with helm's own words, and the release stays"
        " as it is, failed; a helm that died in the middle is rolled back, and the retry begins anew",
        back="an upgrade that runs cannot be stopped and is followed to its end; afterwards helm rollback to the"
        " revision before, by hand or by undo; CRDs stay as they are",
    ),
    "repair-release": StepWords(
        does="writes a new revision of a stored Helm release, with the new names of API versions that the next minor"
        " removes; no object in the cluster is touched",
        dry_run="names the objects and their new API versions, and asks the server whether it would take them",
        wrong="an object's fields became others: the member blocks and names it; what runs is not touched",
        back="an abort removes the revision and marks the one before as deployed, as long as its APIs are served",
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
