"""What was measured, against the budget of the design. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.audit import writes_among
from bench.latency import quantile

_MIB = 2**20
MOST_REQUESTS = 30
_MOST_QUERIES = 4
_FIRST_WEIGHT, _BACK = 0.6, 0.3
_MOVING, _AT_REST = 80, 110
_CPU = 0.005


@dataclass(frozen=True)
class Measured:
    """All that one run of the benchmark found. Seconds and bytes; CPU as a share of one core."""

    moving: int
    """Releases that moved at once."""
    resting: int
    """Releases while nothing moved."""
    rest_seconds: float
    rest_requests: Counter[str]
    release_seconds: float
    release_requests: Counter[str]
    release_queries: int
    sent: int
    lost: int
    queries_of_one: Sequence[int]
    """Of each check of a single release."""
    queries_of_all: Sequence[int]
    """Of each check of all releases that move."""
    first_weights: Sequence[float]
    first_weights_at_once: Sequence[float]
    """Of releases that began in the same moment."""
    times_back: Sequence[float]
    times_back_at_once: Sequence[float]
    memory_moving: int
    memory_at_rest: int
    cpu_at_rest: float


@dataclass(frozen=True)
class Row:
    """One line of the table; `holds` is None where nothing was measured, or nothing is promised."""

    what: str
    budget: str
    measured: str
    holds: bool | None


def rows(found: Measured) -> list[Row]:
    """The budget line by line."""
    return [*_requests(found), *_queries(found), *_times(found), *_weight(found)]


def _requests(found: Measured) -> Iterable[Row]:
    rest, release = found.rest_requests.total(), found.release_requests.total()
    yield Row(
        f"API requests at rest in {found.rest_seconds:.0f} s, {found.resting:,} releases",
        "0 but watches and the lease",
        f"{rest}",
        rest == 0,
    )
    yield Row(
        "API requests for one five-step release, start to end",
        f"<= {MOST_REQUESTS}",
        f"{release}, {writes_among(found.release_requests)} of them writes",
        release <= MOST_REQUESTS,
    )
    yield Row(
        "requests lost in that release under load",
        "0",
        f"{found.lost} of {found.sent:,}",
        found.lost == 0 if found.sent else None,
    )


def _queries(found: Measured) -> Iterable[Row]:
    for count, each in ((1, found.queries_of_one), (found.moving, found.queries_of_all)):
        yield Row(
            f"Prometheus queries for one check, {count} {'releases' if count > 1 else 'release'} of one source",
            f"<= {_MOST_QUERIES}",
            f"{max(each)} at most, in {len(each)} checks" if each else "no check",
            max(each) <= _MOST_QUERIES if each else None,
        )


def _times(found: Measured) -> Iterable[Row]:
    yield _time("template change to first weight, beyond pod readiness", found.first_weights, _FIRST_WEIGHT)
    yield _time(f"the same, {found.moving} releases in one moment", found.first_weights_at_once)
    yield _time("bad verdict to weight 0 written", found.times_back, _BACK)
    yield _time(f"the same, {found.moving} releases in one moment", found.times_back_at_once)


def _time(what: str, times: Sequence[float], bound: float | None = None) -> Row:
    """A line about times; without a bound for information."""
    middle, most = quantile(times, 0.5), quantile(times, 0.95)
    measured = f"p50 {middle:.2f} s, p95 {most:.2f} s of {len(times)}" if times else "none"
    holds = most <= bound if times and bound is not None else None
    return Row(what, f"p95 <= {bound} s" if bound is not None else "-", measured, holds)


def _weight(found: Measured) -> Iterable[Row]:
    for what, bound, size in (
        (f"RSS with {found.moving} releases moving (budget: 40)", _MOVING, found.memory_moving),
        (f"RSS with {found.resting:,} at rest (budget: 1,000)", _AT_REST, found.memory_at_rest),
    ):
        yield Row(what, f"<= {bound} MiB", f"{size / _MIB:.0f} MiB", size <= bound * _MIB)
    yield Row(
        f"CPU with {found.resting:,} at rest (budget: 1,000)",
        f"<= {_CPU:.1%} of a core",
        f"{found.cpu_at_rest:.2%}",
        found.cpu_at_rest <= _CPU,
    )


def broken(lines: Iterable[Row]) -> list[Row]:
    """The lines that were measured and do not hold."""
    return [line for line in lines if line.holds is False]


def table(lines: Sequence[Row]) -> str:
    """The lines as a Markdown table that reads well as text."""
    words = {True: "yes", False: "NO", None: "-"}
    return _aligned([("what", "budget", "measured", "ok"), *((*_cells(line), words[line.holds]) for line in lines)])


def _cells(line: Row) -> tuple[str, str, str]:
    return line.what, line.budget, line.measured


def breakdown(counts: Counter[str]) -> str:
    """Requests by what they ask for, as a Markdown table, the most frequent first."""
    return _aligned([("request", "times"), *((what, str(count)) for what, count in counts.most_common())])


def _aligned(cells: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)
