"""Which Prometheus series count the requests of one version: a value that a router gives and the metrics room reads."""

import re
from dataclasses import dataclass
from typing import Literal

_SERVER_ERROR = re.compile(r"5(\d\d|xx)?")
_GRPC_ERRORS = frozenset(
    {"2", "4", "12", "13", "14", "15"}
    | {"unknown", "deadlineexceeded", "unimplemented", "internal", "unavailable", "dataloss"}
)
"""The gRPC codes that google/rpc/code.proto maps to a 5xx, by number and by name without case and underscores."""


@dataclass(frozen=True)
class Matcher:
    """One PromQL label matcher. `~` means the whole value matches the RE2 expression."""

    label: str
    op: Literal["=", "=~", "!~"]
    value: str

    def accepts(self, labels: dict[str, str]) -> bool:
        """Whether a series with these labels is selected; an absent label reads as empty, as in PromQL."""
        found = labels.get(self.label, "")
        if self.op == "=":
            return found == self.value
        return (re.fullmatch(self.value, found) is not None) == (self.op == "=~")


@dataclass(frozen=True)
class Meter:
    """The series of one version.

    `requests` is a counter of answered requests with their status in `code_label`; `durations` is the base name of a
    histogram whose bounds are in units of `seconds_per_unit` seconds. The first matcher is the one that differs most
    between versions and releases: one query for many releases joins the values of that label.
    """

    requests: str
    code_label: str
    durations: str
    matchers: tuple[Matcher, ...]
    seconds_per_unit: float = 1.0
    pod_label: str = ""
    """Label with the pod of the version that answered; empty where the series do not tell, as a proxy's."""
    grpc_label: str = ""
    """Label with the gRPC code, beside or instead of `code_label`; empty where there is none."""
    failures: frozenset[str] = frozenset()
    """Values of `code_label` that mean a failed request; empty for HTTP's 5xx."""

    def selects(self, labels: dict[str, str]) -> bool:
        """Whether a series with these labels belongs to the version."""
        return all(matcher.accepts(labels) for matcher in self.matchers)

    def counts(self, labels: dict[str, str]) -> Literal["served", "failed"] | None:
        """What a series of `requests` counts; None for one that tells no status and so can show no failure."""
        code, grpc = labels.get(self.code_label, ""), labels.get(self.grpc_label, "")
        if not code and not grpc:
            return None
        failed = code in self.failures if self.failures else _SERVER_ERROR.fullmatch(code) is not None
        return "failed" if failed or grpc.replace("_", "").lower() in _GRPC_ERRORS else "served"
