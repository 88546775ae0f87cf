"""What the API server has noted of the operators' own requests."""

import json
from datetime import datetime

from lab.handle import Lab


def write_at(lab: Lab, verb: str, resource: str, namespace: str, name: str) -> str:
    """When the last request of that kind was answered, in RFC 3339."""
    assert lab.audit_log is not None, "this cluster's audit log is not known"
    wanted = {"resource": resource, "namespace": namespace, "name": name}
    with lab.audit_log.open() as lines:
        found = [
            entry["stageTimestamp"]
            for entry in map(json.loads, lines)
            if entry["verb"] == verb
            and entry["user"]["username"].startswith("system:serviceaccount:headgate")
            and wanted.items() <= entry.get("objectRef", {}).items()
        ]
    assert found, f"nobody asked to {verb} {resource} {name} in {namespace}"
    last: str = found[-1]
    return last


def moment(text: str) -> float:
    """Seconds since the epoch of a moment in RFC 3339."""
    return datetime.fromisoformat(text).timestamp()
