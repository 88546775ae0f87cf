"""`python hack/bench/analysis`: lets the folder be a package beside the operator, and does nothing else."""

import sys
from pathlib import Path

_HACK = Path(__file__).resolve().parents[2]
sys.path[:1] = [str(_HACK), str(_HACK.parent / "operator")]

from bench.analysis.cli import main  # noqa: E402  (the path must be set first)

if __name__ == "__main__":
    sys.exit(main())
