"""`run` before the operator is there to end in order."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

_ASKED_TO_END_WHILE_IT_IMPORTS = """
import os, signal, sys
from headgate.cli.main import main

class Ending:
    @staticmethod
    def find_spec(name, *_):
        if name == "kopf":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Ending)
sys.exit(main(["run", "--kubeconfig", "/nowhere"]))
"""


def test_it_ends_when_it_is_asked_to_while_it_still_starts() -> None:
    """As the first process of a container it would else not even die of it, and be killed 15 s later."""
    done = subprocess.run(
        [sys.executable, "-c", _ASKED_TO_END_WHILE_IT_IMPORTS],
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator")}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
