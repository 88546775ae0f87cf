"""The results as Markdown tables. Each function simulates what it shows."""

import math
import sys
from collections.abc import Iterable

from bench.analysis.cells import (
    ALPHA,
    FACTORS,
    GOOD,
    GOOD_SERVICES,
    HALF,
    LIMITS,
    RULES,
    SERVICES,
    TOLERANCES,
    Figures,
    Size,
    variant,
)
from bench.analysis.paths import rare_path
from bench.analysis.rules import Headgate
from bench.analysis.traffic import Scenario
from headgate.analysis.policy import Policy, Tolerance


class Progress:
    """Says on stderr what is being simulated."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def say(self, what: str) -> None:
        self.done += 1
        print(
            f"\r[{self.done}/{self.total}] {what}\033[K", end="\n" if self.done == self.total else "", file=sys.stderr
        )


def percent(share: float) -> str:
    """`100 %`, `0.2 %`."""
    return f"{100 * share:.3g} %"


def detection(figures: Figures) -> str:
    """`100 %, 285 s, 940`: the share found, median seconds, mean candidate requests."""
    median = f"{figures.median:.0f} s" if figures.median < float("inf") else "-"
    return f"{percent(figures.found)}, {median}, {figures.exposed:,.0f}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *[list(row) for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def peers(size: Size) -> str:
    """Every rule on the same releases."""
    progress, rows = Progress(len(SERVICES) * len(RULES)), []
    for name, service in SERVICES.items():
        for kind in RULES:
            progress.say(f"{kind.name}, {name}")
            clean = size.play(kind(), service)
            incident = size.play(kind(), Scenario(service.rps, service.rate, incident=True))
            bad = [detection(size.play(kind(), service.worse(factor))) for factor in FACTORS]
            rows.append([name, kind.name, percent(clean.found), percent(incident.found), *bad])
    head = ["service", "rule", "false, clean", "false, incident", *[f"x{factor:g} found" for factor in FACTORS]]
    return table(head, rows)


def false_alarms(size: Size) -> tuple[str, float]:
    """Good releases of every kind, and the largest share of them that was rolled back."""
    progress, rows, worst = Progress(len(GOOD)), [], 0.0
    for name, changes in GOOD.items():
        progress.say(name)
        shares = [
            size.play(Headgate(), Scenario(service.rps, service.rate, **changes)).found  # type: ignore[arg-type]
            for service in GOOD_SERVICES.values()
        ]
        worst = max(worst, *shares)
        rows.append([name, *map(percent, shares)])
    return table(["good release", *GOOD_SERVICES], rows), worst


def tolerances(size: Size) -> str:
    """What each tolerance finds, and which small difference it calls bad."""
    progress, rows = Progress(len(TOLERANCES)), []
    for name, tolerance in TOLERANCES.items():
        progress.say(name)
        small = [_play(tolerance, Scenario(1000, 0.005, factor), size) for factor in _SMALL]
        telling = [detection(_play(tolerance, scenario, size)) for scenario in _TELLING]
        rows.append([name, *[percent(figures.found) for figures in small], *telling])
    return table(["tolerated", *[f"x{factor:g} found, 1,000 rps" for factor in _SMALL], *_TELLING_NAMES], rows)


def limits(size: Size) -> str:
    """How much neighbouring checks may count for: false rollbacks by misaligned scrapes, and what is found."""
    progress, rows = Progress(len(LIMITS)), []
    apart = [Scenario(rps, 0.005, incident=True, apart=3) for rps in (100, 1000, 5000)]
    for name, limit in LIMITS.items():
        progress.say(name)
        rows.append([
            name,
            *[percent(size.play(variant(Policy().bad, limit), scenario).found) for scenario in apart],
            *[detection(size.play(variant(Policy().bad, limit), scenario)) for scenario in _TELLING],
        ])  # fmt: skip
    head = ["limit", *[f"false, incident 15 s apart, {rps} rps" for rps in ("100", "1,000", "5,000")], *_TELLING_NAMES]
    return table(head, rows)


_TELLING = (Scenario(100, 0.005, 2), Scenario(20, 0.005, 5), Scenario(20, 0.005, 20), Scenario(100, 0.005, 20))
_SMALL = (1.1, 1.2, 1.3, 1.5)
_TELLING_NAMES = ("x2, 100 rps", "x5, 20 rps", "x20, 20 rps", "x20, 100 rps")


def _play(tolerance: Tolerance, scenario: Scenario, size: Size) -> Figures:
    return size.play(variant(tolerance, (HALF, None)), scenario)


def ideas(size: Size) -> str:
    """Ideas that keep the guarantee, against the default."""
    progress, rows = Progress(3 * len(_WEIGHTS)), []
    for name, service in list(SERVICES.items())[:3]:
        for title, odds, patient in _WEIGHTS:
            progress.say(f"{title}, {name}")
            good = size.play(Headgate(odds=odds, patient=patient), service)
            bad = [
                detection(size.play(Headgate(odds=odds, patient=patient), service.worse(factor))) for factor in FACTORS
            ]
            finished = f"{good.finished:.0f} s" if good.finished < math.inf else "over 600 s"
            rows.append([name, title, percent(good.found), finished, *bad])
    head = ["service", "weights", "false", "good one at 50 % after", *[f"x{factor:g} found" for factor in FACTORS]]
    steps = table(head, rows)
    rows = []
    for broken in (0.005, 0.1, 0.3, 1.0):
        found = rare_path(size.releases, broken, size.seed)
        rows.append([percent(broken), *[f"{percent(share)}, {median:.0f} s" for share, median in found.values()]])
    return (
        f"{steps}\n{table(['fails on a path with 0.2 % of the traffic', 'judged as a whole', 'judged by path'], rows)}"
    )


_WEIGHTS = (
    ("steps of 60 s", None, False),
    ("a step ends when certified (20 : 1), not before", 20.0, True),
    ("a step ends at 20 : 1 for good, at most 60 s", 20.0, False),
    ("a step ends at 3 : 1 for good, at most 60 s", 3.0, False),
    ("a step ends at 1.2 : 1 for good, at most 60 s", 1.2, False),
)
"""What it is called, the odds that end a step, and whether only they do."""


def within_bound(worst: float, size: Size) -> bool:
    """Whether the worst cell keeps alpha, within three standard errors of the simulation."""
    return worst <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / size.releases)
