"""The kinds of playbook steps: one file each, found by being here."""
