"""The options of `plan` and `replay`. What the commands need is imported when they run: `run` must stay small."""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.api.fields import parse_duration, parse_moment, parse_percent
from headgate.routing.proxies import GATEWAYS, PROXIES

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAN = """\
Tell, from a service's traffic, how long a release takes to prove a good version safe and to find a bad one, how many
requests a bad one answers until then, whether the release is feasible at all, and what to change."""
_PLAN_EXIT = "Exit status: 0 the release is feasible; 1 it is not as it is; 2 it could not be computed."
_REPLAY = """\
Tell what a release's policy would have decided on recorded history: releases of nothing new, made by splitting stable's
own traffic at random, whose rollbacks are all false ones; and the releases that the history holds, check by check."""
_REPLAY_EXIT = """\
Exit status: 0 no more false rollbacks than the confidence allows; 1 surely more; 2 it could not be computed."""
_SHORTEST = 600.0


def add_plan(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", run: "Callable[..., int]") -> None:
    """The command `plan`."""
    parser = commands.add_parser(
        "plan", help="how soon a release would find what", description=_PLAN, epilog=_PLAN_EXIT
    )
    _add_subject(parser)
    _add_prometheus(parser)
    group = parser.add_argument_group("traffic")
    group.add_argument(
        "--lookback", type=_lookback, default=86400.0, metavar="TIME", help="how much of the past counts (default: 24h)"
    )
    group.add_argument(
        "--end", type=_moment, default=("ago", 0.0), metavar="TIME", help="where that past ends (default: now)"
    )
    group.add_argument("--rps", type=_rate, metavar="N", help="requests a second, instead of --prometheus")
    group.add_argument(
        "--errors", type=_share, metavar="SHARE", help="share that fails now, such as 0.5%% (with --rps)"
    )
    group.add_argument(
        "--slow", type=_share, metavar="SHARE", help="share that is slow now, such as 0.8%% (with --rps)"
    )
    parser.add_argument(
        "--releases",
        type=_count,
        default=100,
        metavar="N",
        help="releases to simulate of each kind; more are more exact and take longer (default: %(default)s)",
    )
    _add_output(parser, run)


def add_replay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", run: "Callable[..., int]") -> None:
    """The command `replay`."""
    parser = commands.add_parser(
        "replay", help="what a policy would have decided", description=_REPLAY, epilog=_REPLAY_EXIT
    )
    _add_subject(parser)
    _add_prometheus(parser)
    group = parser.add_argument_group("history")
    group.add_argument(
        "--start",
        type=_moment,
        default=("ago", 86400.0),
        metavar="TIME",
        help="where it begins: like 2026-01-31T12:00:00Z, or how long ago, like 24h (default: 24h)",
    )
    group.add_argument(
        "--end", type=_moment, default=("ago", 0.0), metavar="TIME", help="where it ends, likewise (default: now)"
    )
    parser.add_argument(
        "--releases",
        type=_count,
        default=100,
        metavar="N",
        help="releases of nothing new, begun at equal distances (default: %(default)s)",
    )
    _add_output(parser, run)


def _add_subject(parser: argparse.ArgumentParser) -> None:
    """The options that say which release."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a CanaryRelease in the cluster, where there is no -f")
    parser.add_argument("-f", "--filename", metavar="FILE", help="a file with the CanaryRelease; - is standard input")
    parser.add_argument(
        "-n", "--namespace", metavar="NAME", help="its namespace; default: as in the file, else default"
    )
    parser.add_argument("--kubeconfig", metavar="FILE", help="how to reach the API server, with NAME")
    parser.add_argument("--context", metavar="NAME", help="a context of the kubeconfig; default: its current one")


def _add_prometheus(parser: argparse.ArgumentParser) -> None:
    """The options that say where Prometheus is."""
    group = parser.add_argument_group("Prometheus")
    group.add_argument("--prometheus", metavar="URL", help="address of the Prometheus that has the service's counters")
    group.add_argument("--token-file", type=Path, metavar="FILE", help="a file with a bearer token for it")
    group.add_argument(
        "--header", action="append", default=[], metavar="NAME=VALUE", help="an HTTP header, such as X-Scope-OrgID=shop"
    )
    group.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates that its own is checked against")
    group.add_argument(
        "--proxy",
        choices=tuple(dict.fromkeys((*PROXIES, *GATEWAYS))),
        help="who serves the Ingress or the Gateway; default: the one whose series are found",
    )


def _add_output(parser: argparse.ArgumentParser, run: "Callable[..., int]") -> None:
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw it, too")
    parser.set_defaults(command=run)


def _lookback(text: str) -> float:
    seconds = _read(parse_duration, text)
    if seconds < _SHORTEST:
        raise argparse.ArgumentTypeError("must be at least 10m: less traffic tells no rate")
    return seconds


def _share(text: str) -> float:
    return _read(parse_percent, text)


def _rate(text: str) -> float:
    with suppress(ValueError):
        rate = float(text)
        if 0 <= rate < 1e9:
            return rate
    raise argparse.ArgumentTypeError("must be a number of requests a second, 0 or more")


def _moment(text: str) -> tuple[str, float]:
    """A moment as ("at", seconds since the epoch) or as ("ago", seconds before now)."""
    with suppress(ValueError):
        return "ago", parse_duration(text)
    with suppress(ValueError):
        return "at", parse_moment(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither a moment like 2026-01-31T12:00:00Z nor a time like 24h")


def _count(text: str) -> int:
    if not text.isdigit() or not 10 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError("must be a whole number from 10 to 10000")
    return int(text)


def _read(parse: "Callable[[str], float]", text: str) -> float:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
