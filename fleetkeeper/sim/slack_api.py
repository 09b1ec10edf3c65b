"""A Slack on a loopback port, for the demo and the tests: the entry to fleetkeeper/sim/slack."""

from fleetkeeper.sim.slack.faults import SlackFault, Trouble
from fleetkeeper.sim.slack.server import SimSlack
from fleetkeeper.sim.slack.values import Sent, Shown, Whisper

__all__ = ["Sent", "Shown", "SimSlack", "SlackFault", "Trouble", "Whisper"]
