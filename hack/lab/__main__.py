"""`python3 hack/lab VERB`: makes the folder a package, so that its modules find each other and nothing else."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from lab.cli import main  # noqa: E402  (the path must be set first)

if __name__ == "__main__":
    sys.exit(main())
