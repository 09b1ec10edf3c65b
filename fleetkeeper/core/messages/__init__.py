"""Notices as texts and as Slack's Block Kit: pure. Start at message.py."""
