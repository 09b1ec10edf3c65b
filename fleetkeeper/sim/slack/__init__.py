"""A simulated Slack workspace: Web API, Socket Mode, signed requests, limits, faults, and people who click."""
