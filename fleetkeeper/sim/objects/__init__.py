"""Kubernetes objects as a real API server holds them, made from the words of a scenario."""
