"""Helm's releases with the executor's rights: its records over the API, and everything else by its own program."""
