"""The command line of the demo. `down` needs the standard library only; the rest needs the project's packages."""

import argparse
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from lab.handle import Lab, down
from lab.layout import CHECKOUT, state_folder
from lab.progress import LabError, say

_NAME = "demo"
_FOLDER = CHECKOUT / ".demo"


def main() -> int:
    """Run one verb; return the exit status: 1 when a request was lost or an outcome was not the expected one."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status: int = arguments.verb(arguments)
    except KeyboardInterrupt:
        print(f"\ndemo: interrupted. {_left(arguments.name)}", file=sys.stderr)
        return 130
    except (LabError, subprocess.CalledProcessError, OSError) as error:
        print(f"demo: {error}\ndemo: {_left(arguments.name)}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/demo", description="A good and a bad release on a real cluster, live.")
    parser.add_argument("--name", default=_NAME, help="the lab to use; several can run at once")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where record and picture go (default: .demo)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    up = verbs.add_parser("up", help="run the demo; what is there of an earlier run is used again")
    up.add_argument("--keep", action="store_true", help="go on with requests and screen until Ctrl-C")
    up.set_defaults(verb=_up)
    verbs.add_parser("down", help="remove everything the demo made").set_defaults(verb=_down)
    picture = verbs.add_parser("picture", help="draw the picture of the last run")
    picture.add_argument("file", type=Path, metavar="FILE", help="where to, e.g. release.svg")
    picture.set_defaults(verb=_picture)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    # Later than at the top, since `down` runs where no package is installed.
    from demo.run import run  # noqa: PLC0415

    return run(arguments.name, arguments.folder, keep=arguments.keep, end=_end(arguments.name))


def _down(arguments: argparse.Namespace) -> int:
    say("removing the cluster and everything in it")
    down(arguments.name)
    for name in ("record.jsonl", "lost.log", "release.svg"):
        (arguments.folder / name).unlink(missing_ok=True)
    if arguments.folder.is_dir() and not any(arguments.folder.iterdir()):
        arguments.folder.rmdir()
    say("nothing of the demo is left")
    return 0


def _picture(arguments: argparse.Namespace) -> int:
    from demo.run import draw_picture  # noqa: PLC0415

    draw_picture(arguments.folder, arguments.file)
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _left(name: str) -> str:
    """What is still there, and how to go on."""
    try:
        Lab.load(name)
    except LabError:
        if not state_folder(name).exists():
            return "Nothing is left of it."
        return (
            f"A cluster that is not ready yet is still there: `{_end(name)}` removes it, `make demo` goes on with it."
        )
    return (
        f"The cluster is still up, with what had been installed: `{_end(name)}` removes it, `make demo` uses it again."
    )


def _end(name: str) -> str:
    return "make demo-down" if name == _NAME else f"python3 hack/demo --name {name} down"
