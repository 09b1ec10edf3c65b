"""fleetkeeper keeps a fleet of Kubernetes clusters current and safe to change."""

__version__ = "0.1.0"
