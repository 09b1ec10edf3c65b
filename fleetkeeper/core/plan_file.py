"""A plan as a file, plan.json: its export, and its import, which believes nothing that the digest does not cover."""

import json
from typing import Any, TypeVar

from fleetkeeper.core.plan import SCHEMA_VERSION, Header, Member, Plan
from fleetkeeper.core.planning import texts_of
from fleetkeeper.errors import Tampered
from fleetkeeper.values import digest, from_json, to_json

KIND = "plan"

T = TypeVar("T")


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON types, whole: {"schema_version", "kind", "digest", "header", "members"}."""
    header, members = texts_of(plan)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "digest": plan.digest,
        "header": json.loads(header),
        "members": [json.loads(each) for each in members],
    }


def plan_text(plan: Plan) -> str:
    return json.dumps(plan_document(plan), indent=2, ensure_ascii=False) + "\n"


def read_plan(text: str | bytes) -> Plan:
    """The plan of a file. ValueError for a file that is none, Tampered for one that was changed after its export.

    What the digests cover is the canonical JSON, so the file may be laid out anew, but say nothing more or else.
    """
    document = _document(text)
    header = _value(document.get("header"), Header, "its header")
    members = tuple(_value(each, Member, f"member {idx}") for idx, each in enumerate(document["members"]))
    plan = Plan(header, members, document["digest"])
    if reason := contradiction(plan):
        raise Tampered(f"the plan file of {header.id} was changed after its export: {reason}; export it again")
    return plan


def contradiction(plan: Plan) -> str:
    """Where a plan is not what its digests say; "" when it is."""
    header, members = texts_of(plan)
    if digest(header) != plan.digest:
        return "its header is not what its digest is of"
    if len(members) != len(plan.header.members):
        return f"it has {len(members)} members, its header names {len(plan.header.members)}"
    for idx, (body, wanted) in enumerate(zip(members, plan.header.members, strict=True)):
        if digest(body) != wanted:
            return f"member {plan.members[idx].name} is not what the header's digest is of"
    return ""


def _document(text: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise ValueError('it is no plan: {"schema_version", "kind": "plan", "digest", "header", "members"} is one')
    if document.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"it is of schema version {document.get('schema_version')}, this release has {SCHEMA_VERSION}")
    if not isinstance(document.get("digest"), str) or not isinstance(document.get("members"), list):
        raise ValueError("it lacks its digest or its members")
    return document


def _value(raw: object, kind: type[T], what: str) -> T:
    try:
        found = from_json(json.dumps(raw), kind)
    except ValueError as error:
        raise ValueError(f"{what} cannot be read: {error}") from error
    if json.loads(to_json(found)) != raw:
        raise Tampered(f"the plan file was changed after its export: {what} says what a plan does not have")
    return found
