"""`headgate plan` and `headgate replay`: compute, show, draw, and say by the exit status what came out."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from headgate.cli.picture import plan_picture, replay_picture
from headgate.cli.plan import plan_as_json, plan_of
from headgate.cli.replay import replay_as_json, replay_of
from headgate.cli.subject import UsageError
from headgate.cli.tables import plan_table, print_page, replay_table
from headgate.metrics.prometheus import PrometheusError

NOT_AS_WANTED, NOT_COMPUTED = 1, 2


def plan(given: argparse.Namespace) -> int:
    """The exit status: 0 for a feasible release."""

    def command() -> bool:
        found = plan_of(given)
        _show(given, lambda: plan_as_json(found), lambda: plan_table(found), lambda: plan_picture(found))
        return found.advice.feasible

    return _carried_out(command)


def replay(given: argparse.Namespace) -> int:
    """The exit status: 0 when there were no more false rollbacks than the confidence allows."""

    def command() -> bool:
        found = replay_of(given)
        _show(given, lambda: replay_as_json(found), lambda: replay_table(found), lambda: replay_picture(found))
        return found.kept

    return _carried_out(command)


def _carried_out(command: Callable[[], bool]) -> int:
    try:
        return 0 if command() else NOT_AS_WANTED
    except (UsageError, PrometheusError) as error:
        print(f"headgate: {error}", file=sys.stderr)
        return NOT_COMPUTED


def _show(
    given: argparse.Namespace,
    values: Callable[[], dict[str, Any]],
    page: Callable[[], RenderableType],
    picture: Callable[[], str],
) -> None:
    """Prints in the form that was asked for, and writes the picture."""
    if given.output == "json":
        print(json.dumps(values(), indent=2))
    else:
        print_page(page())
    if given.picture is not None:
        _write(given.picture, picture())


def _write(path: Path, svg: str) -> None:
    try:
        path.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from None
    print(f"headgate: picture written to {path}", file=sys.stderr)
