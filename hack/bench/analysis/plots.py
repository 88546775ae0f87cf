"""The pictures: false rollbacks against requests exposed, and time to detection by traffic and effect."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.cells import FACTORS, KNOBS, Size
from bench.analysis.rules import Headgate
from bench.analysis.traffic import Scenario

TRAFFIC = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
SERVICES = {"20 requests a second": 20.0, "100 requests a second": 100.0}


def write(folder: Path, size: Size) -> None:
    """Writes both pictures as SVG; the same numbers give the same bytes."""
    mpl.rcParams |= {"svg.hashsalt": "headgate", "svg.fonttype": "none"}
    _exposure(size).savefig(folder / "simulation-exposure.svg", metadata={"Date": None})
    _detection(size).savefig(folder / "simulation-detection.svg", metadata={"Date": None})


def _exposure(size: Size) -> Figure:
    """Each rule with its setting from strict to lenient, on a slow and on a busy service."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    for axes, (title, rps) in zip(figure.subplots(1, 2), SERVICES.items(), strict=True):
        for (kind, settings), marker in zip(KNOBS.items(), "so^Dv", strict=True):
            points = [_point(kind, setting, rps, size) for setting in settings]
            _curve(axes, kind.name, marker, points)
        axes.set(
            title=title,
            xlabel="good releases rolled back in an incident of both, %",
            ylabel="requests exposed to a version x5 worse",
            yscale="log",
        )
    figure.suptitle("Stable fails 0.5 %; lower left is better")
    figure.axes[0].legend()
    return figure


def _point(kind: Any, setting: dict[str, Any], rps: float, size: Size) -> tuple[float, float]:  # noqa: ANN401 (any rule)
    good = size.play(kind(**setting), Scenario(rps, 0.005, incident=True))
    bad = size.play(kind(**setting), Scenario(rps, 0.005, 5.0))
    return 100 * good.found, bad.exposed


def _curve(axes: Axes, name: str, marker: str, points: list[tuple[float, float]]) -> None:
    """A line through the settings; the first one given is the default and stands out."""
    default, ordered = points[0], sorted(points)
    (line,) = axes.plot(*zip(*ordered, strict=True), marker=marker, markersize=4, linewidth=1, label=name)
    axes.plot(*default, marker=marker, markersize=10, color=line.get_color(), linestyle="none")


def _detection(size: Size) -> Figure:
    """Median seconds until a rollback by traffic, for each effect."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    axes = figure.subplots()
    for factor in FACTORS:
        times = [size.play(Headgate(), Scenario(rps, 0.005, factor)).median for rps in TRAFFIC]
        axes.plot(TRAFFIC, times, marker="o", label=f"x{factor:g}")
    axes.set(
        title="Headgate: median time to the rollback (no point: fewer than half found in 600 s)",
        xlabel="requests a second of the service (stable fails 0.5 %)",
        ylabel="seconds",
        xscale="log",
        ylim=(0, 620),
    )
    axes.legend()
    return figure
