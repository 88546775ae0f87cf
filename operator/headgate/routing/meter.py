"""Which Prometheus series count the requests of one version: a value that a router gives and the metrics room reads."""

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Matcher:
    """One PromQL label matcher. `~` means the whole value matches the RE2 expression."""

    label: str
    op: Literal["=", "=~"]
    value: str

    def accepts(self, labels: dict[str, str]) -> bool:
        """Whether a series with these labels is selected; an absent label reads as empty, as in PromQL."""
        found = labels.get(self.label, "")
        return found == self.value if self.op == "=" else re.fullmatch(self.value, found) is not None


@dataclass(frozen=True)
class Meter:
    """The series of one version.

    `requests` is a counter of answered requests with the HTTP status in `code_label`; `durations` is the base name of a
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

    def selects(self, labels: dict[str, str]) -> bool:
        """Whether a series with these labels belongs to the version."""
        return all(matcher.accepts(labels) for matcher in self.matchers)
