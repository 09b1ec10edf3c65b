"""Reads the operator's settings (fleetkeeper.config holds the values): start at load.py."""
