"""Slack, over slack_sdk: the one place that knows its methods, its errors and its tokens."""
