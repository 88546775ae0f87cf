"""The command line: `headgate run` starts the operator, `plan` and `replay` work from a desk."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from headgate import __version__
from headgate.cli.options import add_plan, add_replay


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command. Returns the exit status."""
    given = _parser().parse_args(arguments)
    status: int = given.command(given)
    return status


def _parser() -> argparse.ArgumentParser:
    # kubectl finds its plugins by the name of the file, and people call this one as they call kubectl.
    name = "kubectl headgate" if Path(sys.argv[0]).name == "kubectl-headgate" else "headgate"
    parser = argparse.ArgumentParser(prog=name, description="Canary and blue-green releases for Kubernetes.")
    parser.add_argument("--version", action="version", version=f"headgate {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the operator", description="Run the operator until it is stopped.")
    run.add_argument("--config", type=Path, metavar="FILE", help="the operator's configuration (YAML)")
    run.add_argument("--kubeconfig", metavar="FILE", help="how to reach the API server; default: as a pod does")
    run.add_argument("--context", metavar="NAME", help="a context of the kubeconfig; default: its current one")
    run.set_defaults(command=_run)
    add_plan(commands, _plan)
    add_replay(commands, _replay)
    return parser


def _run(given: argparse.Namespace) -> int:
    # Until the operator takes the signal itself: the first process of a container has no default for it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Other commands must start fast: they need no kopf.
    from headgate.cluster.client import ConnectionProblemError  # noqa: PLC0415
    from headgate.controller.app import run  # noqa: PLC0415
    from headgate.controller.config import ConfigError, load_config  # noqa: PLC0415

    try:
        return asyncio.run(run(load_config(given.config), given.kubeconfig, given.context))
    except (ConfigError, ConnectionProblemError) as error:
        print(f"headgate: {error}", file=sys.stderr)
        return 2


def _plan(given: argparse.Namespace) -> int:
    from headgate.cli.commands import plan  # noqa: PLC0415 (as above)

    return plan(given)


def _replay(given: argparse.Namespace) -> int:
    from headgate.cli.commands import replay  # noqa: PLC0415 (as above)

    return replay(given)


if __name__ == "__main__":
    sys.exit(main())
