"""The scopes that the shipped manifest asks for."""

import yaml

from fleetkeeper.data import data_path

MANIFEST = "slack-manifest.yaml"


def manifest_scopes() -> tuple[str, ...]:
    """Of the bot, with the optional ones."""
    manifest = yaml.safe_load(data_path(MANIFEST).read_text(encoding="utf-8"))
    return tuple(manifest["oauth_config"]["scopes"]["bot"])
