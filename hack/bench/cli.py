"""The command line of the benchmark: prints the budget with what was measured."""

import argparse
import os
import signal
import subprocess
import sys
from types import FrameType
from typing import NoReturn

from bench import budget, report
from bench.cluster import prepared
from bench.rounds import run
from lab.progress import LabError, say

_BROKEN, _FAILED = 1, 2


def main() -> int:
    """Measure and print; return 1 when a line of the budget is broken, 2 when it could not be measured."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with prepared(arguments.name, arguments.releases, keep=arguments.keep) as cluster:
            found = run(cluster, arguments.rest, arguments.seconds)
    except KeyboardInterrupt:
        return 130
    except (LabError, subprocess.CalledProcessError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return _FAILED
    lines = budget.rows(found)
    print(report.text(found, lines))
    if arguments.write:
        report.PAGE.write_text(report.page(found, lines, os.cpu_count() or 1))
        say(f"wrote {report.PAGE.name}")
    for line in budget.broken(lines):
        print(f"bench: over budget: {line.what}: {line.measured}, budget {line.budget}", file=sys.stderr)
    return _BROKEN if budget.broken(lines) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/bench", description="Where Headgate stands against its budget.")
    parser.add_argument("--name", default="bench", help="the lab to use; it is made anew")
    parser.add_argument("--releases", type=int, default=10, help="how many move at once (default: %(default)s)")
    parser.add_argument("--rest", type=int, default=0, help="further releases that never move, without real pods")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the rest (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the lab up, to look around")
    parser.add_argument("--write", action="store_true", help="write docs/explanation/budget.md")
    return parser


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
