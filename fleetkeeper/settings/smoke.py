"""The [engine.smoke] section: the pod that shows whether a new node is good for anything."""

import re

from fleetkeeper.config import SmokeSettings
from fleetkeeper.documents import Table

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


def read_smoke(table: Table) -> SmokeSettings | None:
    """None where the section is not there: then no node is tested."""
    if not table.has("smoke"):
        return None
    inner, default = table.table("smoke"), SmokeSettings("")
    return SmokeSettings(
        image=inner.text("image"),
        command=inner.texts("command", ()),
        namespace=inner.text("namespace", default.namespace, check=_object_name),
        service_account=inner.text("service_account", default.service_account, check=_object_name),
        timeout_minutes=inner.number("timeout_minutes", default.timeout_minutes, minimum=0.5, maximum=120),
        storage_class=inner.text("storage_class", ""),
        annotations=inner.mapping("annotations", {}),
    )


def _object_name(text: str) -> str:
    return "" if _NAME.fullmatch(text) else "must be a name as Kubernetes has them: small letters, digits, - and ."
