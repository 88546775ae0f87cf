"""The results as Markdown tables. Each function simulates what it shows."""

import math
import sys
from collections.abc import Iterable
from dataclasses import replace

from bench.analysis.cells import (
    ALPHA,
    BETS,
    FACTORS,
    GOOD,
    GOOD_SERVICES,
    HALF,
    LADDERS,
    LATE,
    LATE_AT,
    LIMITS,
    LITTLE,
    ROUGH,
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
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.policy import Policy, Tolerance
from headgate.analysis.verdict import judge
from headgate.api.spec import Analysis


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
    return f"{percent(figures.found)}, {_seconds(figures.median)}, {figures.exposed:,.0f}"


def _seconds(value: float, never: str = "-") -> str:
    return f"{value:.0f} s" if math.isfinite(value) else never


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
            incident = size.play(kind(), replace(service, incident=True))
            bad = [detection(size.play(kind(), service.worse(factor))) for factor in FACTORS]
            rows.append([name, kind.name, percent(clean.found), percent(incident.found), *bad])
    return table(["service", "rule", "false, quiet", "false, incident", *_FOUND], rows)


def good_shares(size: Size) -> dict[str, list[float]]:
    """Good releases of every kind on every service: which share of them Headgate rolls back."""
    progress, rows = Progress(len(GOOD)), {}
    for name, changes in GOOD.items():
        progress.say(name)
        scenarios = [replace(service, **changes) for service in GOOD_SERVICES.values()]
        rows[name] = [size.play(Headgate(), scenario).found for scenario in scenarios]
    return rows


def false_alarms(shares: dict[str, list[float]]) -> str:
    """The shares of `good_shares`."""
    return table(["good release", *GOOD_SERVICES], ([name, *map(percent, row)] for name, row in shares.items()))


def rough(size: Size) -> str:
    """Every rule where errors come in bursts."""
    progress, rows = Progress(len(RULES)), []
    for kind in RULES:
        progress.say(f"{kind.name}, bursts")
        false = [percent(size.play(kind(), scenario).found) for scenario in ROUGH.values()]
        bursts = ROUGH["bursts of 10"]
        found = [detection(size.play(kind(), bursts.worse(factor))) for factor in FACTORS]
        rows.append([kind.name, *false, *found])
    found_heads = [f"x{factor:g}, bursts of 10" for factor in FACTORS]
    return table(["rule", *[f"false, {name}" for name in ROUGH], *found_heads], rows)


def late(size: Size) -> str:
    """Every rule where a version turns bad after half of the release."""
    progress, rows = Progress(len(RULES)), []
    for kind in RULES:
        progress.say(f"{kind.name}, late")
        played = [size.play(kind(), scenario) for scenario in LATE.values()]
        cells = [f"{percent(one.found)}, {_seconds(one.median - LATE_AT)}" for one in played]
        rows.append([kind.name, *cells])
    return table(["rule", *LATE], rows)


def little(size: Size) -> str:
    """What is found with little traffic, and how much the verdict asks for."""
    progress, rows = Progress(len(LITTLE)), []
    for name, scenario in LITTLE.items():
        progress.say(name)
        good = size.play(Headgate(), scenario)
        bad = [detection(size.play(Headgate(), scenario.worse(factor))) for factor in (5, 20, 100)]
        rows.append([name, percent(good.found), *bad, f"{_asked_for(scenario):,}"])
    heads = ["false", *[f"x{factor} found" for factor in (5, 20, 100)], "requests asked for"]
    return table(["service", *heads], rows)


def _asked_for(scenario: Scenario) -> int:
    """About how many candidate requests the package asks for after one typical check at 5 percent."""
    requests = 15 * scenario.rps
    stable = Counts(0.95 * requests, 0.95 * requests * scenario.rate)
    candidate = Counts(0.05 * requests, 0.05 * requests * scenario.rate)
    found = judge([Interval(0.0, 15.0, stable, candidate, 1, 5)], Analysis(), step=1, weight=5)
    return found.requests_needed or 0


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


_FOUND = [f"x{factor:g} found" for factor in FACTORS]
_TELLING = (Scenario(100, 0.005, 2), Scenario(20, 0.005, 5), Scenario(20, 0.005, 20), Scenario(100, 0.005, 20))
_SMALL = (1.1, 1.2, 1.3, 1.5)
_TELLING_NAMES = ("x2, 100 rps", "x5, 20 rps", "x20, 20 rps", "x20, 100 rps")


def _play(tolerance: Tolerance, scenario: Scenario, size: Size) -> Figures:
    return size.play(variant(tolerance, (HALF, None)), scenario)


def weights(size: Size) -> str:
    """Steps that end by the evidence, against steps that end by time."""
    services = list(SERVICES.items())[:3]
    progress, rows = Progress(len(services) * len(LADDERS)), []
    for name, service in services:
        for title, options in LADDERS.items():
            progress.say(f"{title}, {name}")
            good = size.play(Headgate(**options), service)
            bad = [detection(size.play(Headgate(**options), service.worse(factor))) for factor in FACTORS]
            rows.append([name, title, percent(good.found), _seconds(good.finished, "over 600 s"), *bad])
    return table(["service", "steps", "false", "good one at 50 % after", *_FOUND], rows)


def bets(size: Size) -> str:
    """Other stakes, and checks that are closer to each other."""
    progress, rows = Progress(len(BETS)), []
    for name, options in BETS.items():
        progress.say(name)
        good = size.play(Headgate(**options), Scenario(100, 0.005)).found
        telling = [detection(size.play(Headgate(**options), scenario)) for scenario in _TELLING]
        rows.append([name, percent(good), *telling])
    return table(["bets", "false, 100 rps", *_TELLING_NAMES], rows)


def paths(size: Size) -> str:
    """Evidence for each path of a service, against evidence for the service as a whole."""
    rows = []
    for broken in (0.005, 0.1, 0.3, 1.0):
        found = rare_path(size.releases, broken, size.seed)
        rows.append([percent(broken), *[f"{percent(share)}, {_seconds(median)}" for share, median in found.values()]])
    return table(["fails on the path", "judged as a whole", "judged by path"], rows)


def within_bound(worst: float, size: Size) -> bool:
    """Whether the worst cell keeps alpha, within three standard errors of the simulation."""
    return worst <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / size.releases)
