"""The command line of the simulation: prints its tables, and writes them with the plots as a page of the docs."""

import argparse
import sys
import time
from pathlib import Path

from bench.analysis import tables
from bench.analysis.cells import ALPHA, SEED, Size
from bench.analysis.tables import percent
from bench.analysis.vectors import agree
from headgate.analysis.policy import Policy

PAGE = "simulation.md"


def main() -> int:
    """The exit code: 0 when false rollbacks keep within the guaranteed rate in every cell of good releases."""
    parser = argparse.ArgumentParser(prog="hack/bench/analysis", description="Release analysis, simulated.")
    parser.add_argument("--quick", action="store_true", help="few releases and two tables: seconds, for CI")
    parser.add_argument("--releases", type=int, help="releases in each cell (default: 1000, quick: 100)")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the traffic (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help=f"write {PAGE} and its plots there")
    options = parser.parse_args()
    size = Size(options.releases or (100 if options.quick else 1000), options.seed)
    started = time.monotonic()

    agree(Policy().bad)
    shares = tables.good_shares(size)
    good, worst = tables.false_alarms(shares), max(share for row in shares.values() for share in row)
    text = _quick(size, good) if options.quick else _whole(size, good)
    print(text)
    if options.write:
        _write(options.write, text, size)
    print(f"largest share of good releases rolled back: {percent(worst)}, guaranteed: at most {percent(ALPHA)}")
    print(f"{time.monotonic() - started:.0f} s")
    return 0 if tables.within_bound(worst, size) else 1


def _quick(size: Size, good: str) -> str:
    return "\n".join([_PEERS, tables.peers(size), _GOOD, good])


def _whole(size: Size, good: str) -> str:
    """Every table under its heading; where the plots stand."""
    return "\n".join([
        _PEERS, tables.peers(size), _EXPOSURE, _DETECTION, _GOOD, good,
        _ROUGH, tables.rough(size), _LATE, tables.late(size), _LITTLE, tables.little(size),
        _TOLERANCE, tables.tolerances(size), _LIMITS, tables.limits(size),
        _WEIGHTS, tables.weights(size), _BETS, tables.bets(size), _PATHS, tables.paths(size),
    ])  # fmt: skip


def _write(folder: Path, text: str, size: Size) -> None:
    from bench.analysis import plots  # noqa: PLC0415 (matplotlib is wanted only here)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(_HEAD.format(size=size) + text)
    plots.write(folder, size)
    print(f"wrote {folder / PAGE} and its plots", file=sys.stderr)


_HEAD = """\
<!-- Written by `python hack/bench/analysis --write docs/explanation`. -->

# Release analysis side by side, simulated

{size.releases:,} releases in each cell, seed {size.seed}. Unless a table says otherwise a release takes ten steps
from 5 to 50 percent, 60 s each, with a check every 15 s, and ends after 600 s. [Verdicts](verdicts.md) has the method
and what follows from these tables. The rules of the others are models in the terms of their documentation, with its
default settings (`hack/bench/analysis/rules.py`):

* **Flagger**: the success rate of the last minute against 99 %, every 30 s; a failing check keeps the weight, and the
  check after the fifth rolls back.
* **Argo Rollouts**: the same query every 30 s; more than three failing checks abort.
* **Kayenta**: every 120 s a Mann-Whitney test of the rates of each 15 s, at 98 %; it fails when the candidate is higher
  by more than a quarter of the estimated shift.
* **naive z-test**: two proportions, one-sided at 0.01, on all counts so far, at each check.

"""
_PEERS = """\
## Every rule on the same releases

`false`: good versions that were rolled back, in quiet and with an incident of both versions (ten times as many errors
for 60 s). Then versions that fail 2, 5 and 20 times as often: share found, median seconds, mean candidate requests
answered until then.
"""
_EXPOSURE = """\
## False rollbacks against requests exposed

![Each rule with its own setting from strict to lenient](simulation-exposure.svg)

Each rule's own setting is varied from strict to lenient (Headgate: the confidence; Flagger and Argo Rollouts: how many
failing checks; Kayenta and the z-test: the quantile). The larger mark is the default.
"""
_DETECTION = """\
## Time to detection by traffic and effect

![Median seconds until the rollback, by requests a second](simulation-detection.svg)
"""
_GOOD = """\
## Good releases that Headgate rolled back

`apart`: the two versions are scraped so many seconds apart. Guaranteed: at most 1 %; approximately where the dispersion
of errors is estimated (bursts, beta-binomial).
"""
_ROUGH = """\
## Errors in bursts

100 requests a second, stable fails 0.5 %.
"""
_LATE = """\
## A late regression

The version is good for 300 s, then bad. Seconds are counted from when it turned bad.
"""
_LITTLE = """\
## Little traffic

At 5 percent of the traffic, one good check so far: about how many more candidate requests the verdict asks for before
it proves a good version safe.
"""
_TOLERANCE = """\
## The tolerance

A version that fails so many times as often, plus a share, is not called bad. The default is a compromise: at 1,000
requests a second the strictest calls trifles bad, the most lenient lets half as many errors again pass.
"""
_LIMITS = """\
## How much neighbouring checks may count for

Scrapes of the two versions that lie apart show an incident in one version first. What is odd for one check (or for two
neighbours) may therefore count for no more than half of the evidence that is needed.
"""
_WEIGHTS = """\
## Weights that grow with the evidence

A step ends as soon as the evidence that the candidate is good has reached these odds. `setWeight: Auto` doubles the
weight at 3 : 1; the default steps do, from 5 to 50 percent, with a minute for each weight at least.
"""
_BETS = """\
## Other bets

The default bets on eight ratios at once, with equal stakes. Half of the stakes on one ratio is what a service's own
past releases could teach.
"""
_PATHS = """\
## Judging each path by itself

100 requests a second, 10 percent to the candidate, 600 s. The candidate fails on one path of ten only, which has 0.2 %
of the traffic.
"""
