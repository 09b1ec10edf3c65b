"""The kinds of gates: one file each, found by being here."""
