"""Simulates release analysis side by side: `PYTHONPATH=hack:operator python -m bench.analysis --quick`."""

import argparse
import sys
import time
from pathlib import Path

from bench.analysis import tables
from bench.analysis.cells import SEED, Size
from bench.analysis.vectors import agree
from headgate.analysis.policy import Policy


def main() -> int:
    """The exit code: 0 when false rollbacks keep within the guaranteed rate in every cell of good releases."""
    parser = argparse.ArgumentParser(prog="python -m bench.analysis", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few releases and two tables: seconds, for CI")
    parser.add_argument("--releases", type=int, help="releases in each cell (default: 1000, quick: 100)")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the traffic (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the tables and plots there as well")
    options = parser.parse_args()
    size = Size(options.releases or (100 if options.quick else 1000), options.seed)
    started = time.monotonic()

    agree(Policy().bad)
    text, worst = _tables(size, quick=options.quick)
    print(text)
    if options.write:
        _write(options.write, text, size)
    held = tables.within_bound(worst, size)
    print(f"largest share of good releases rolled back: {tables.percent(worst)}, guaranteed: at most 1 %")
    print(f"{time.monotonic() - started:.0f} s")
    return 0 if held else 1


def _tables(size: Size, *, quick: bool) -> tuple[str, float]:
    """All tables, and the worst share of false rollbacks."""
    good, worst = tables.false_alarms(size)
    parts = [
        f"{size.releases} releases in each cell, seed {size.seed};"
        " 10 steps from 5 to 50 % of 60 s, a check every 15 s.\n",
        "## Every rule on the same releases\n\nShare found, median seconds, mean candidate requests.\n",
        tables.peers(size),
        "## Good releases that were rolled back\n",
        good,
    ]
    if not quick:
        parts += ["## Tolerance\n", tables.tolerances(size)]
        parts += ["## How much two neighbouring checks may count for\n", tables.limits(size)]
        parts += ["## Ideas\n", tables.ideas(size)]
    return "\n".join(parts), worst


def _write(folder: Path, text: str, size: Size) -> None:
    from bench.analysis import plots  # noqa: PLC0415 (matplotlib is wanted only here)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "analysis-bench.md").write_text(f"# Release analysis side by side, simulated\n\n{text}")
    plots.write(folder, size)


if __name__ == "__main__":
    sys.exit(main())
