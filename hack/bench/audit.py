"""The API server's audit log: who asked for what, and when that was answered. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from headgate.api.fields import Manifest, parse_moment

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_STANDING = frozenset({"watch"})
_LEASES = "leases"


@dataclass(frozen=True)
class Request:
    """One request. Moments are seconds since the epoch; `body` is there where the audit policy asks for it."""

    user: str
    verb: str
    resource: str
    """Like `pods/status`; for a path that is no resource, the path."""
    namespace: str
    name: str
    code: int
    dry_run: bool
    received: float
    answered: float
    body: Manifest = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        return self.verb in _WRITES

    @property
    def succeeded(self) -> bool:
        """Whether it changed something, if it was to."""
        return self.code < 300 and not self.dry_run


def read(lines: Iterable[str]) -> Iterator[Request]:
    """The requests of a log, in the order in which they were answered."""
    for line in lines:
        entry = json.loads(line)
        if entry["stage"] == "ResponseComplete":
            yield _request(entry)


def _request(entry: Manifest) -> Request:
    target = entry.get("objectRef") or {}
    path, _, query = entry["requestURI"].partition("?")
    resource = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
    return Request(
        user=entry["user"]["username"],
        verb=entry["verb"],
        resource=resource or path,
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=(entry.get("responseStatus") or {}).get("code", 0),
        dry_run="dryRun=" in query,
        received=parse_moment(entry["requestReceivedTimestamp"]),
        answered=parse_moment(entry["stageTimestamp"]),
        body=entry.get("requestObject") or {},
    )


def counted(requests: Iterable[Request], user: str, since: float, until: float) -> Counter[str]:
    """A user's requests between two moments, by what they ask for, beside watches and the lease."""
    return Counter(
        f"{request.verb} {request.resource}"
        for request in requests
        if request.user == user
        and since <= request.received <= until
        and request.verb not in _STANDING
        and request.resource != _LEASES
    )


def writes_among(counts: Counter[str]) -> int:
    """How many of the counted requests are writes."""
    return sum(count for what, count in counts.items() if what.partition(" ")[0] in _WRITES)
