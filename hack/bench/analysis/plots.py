"""The pictures: false rollbacks against requests exposed, and time to detection by traffic."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.analysis.cells import FACTORS, RULES, SERVICES, Size
from bench.analysis.rules import Headgate
from bench.analysis.traffic import Scenario

TRAFFIC = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


def write(folder: Path, size: Size) -> None:
    """Writes both pictures as SVG; the same numbers give the same bytes."""
    mpl.rcParams["svg.hashsalt"] = "headgate"
    _exposure(size).savefig(folder / "analysis-exposure.svg", metadata={"Date": None})
    _detection(size).savefig(folder / "analysis-detection.svg", metadata={"Date": None})


def _exposure(size: Size) -> Figure:
    """Each rule with each service: good releases rolled back in an incident, requests exposed to a version x5 worse."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for kind, marker in zip(RULES, "so^Dv", strict=True):
        points = []
        for service in SERVICES.values():
            incident = size.play(kind(), Scenario(service.rps, service.rate, incident=True))
            worse = size.play(kind(), service.worse(5))
            points.append((100 * incident.found, worse.exposed / service.rps))
        false, exposed = zip(*points, strict=True)
        axes.scatter(false, exposed, label=kind.name, marker=marker, s=60, alpha=0.8)
    axes.set(
        title="Five services: lower left is better",
        xlabel="good releases rolled back in an incident of both versions, %",
        ylabel="requests exposed to a version x5 worse, in seconds of all traffic",
        yscale="log",
    )
    axes.legend()
    return figure


def _detection(size: Size) -> Figure:
    """Median seconds until a rollback by traffic, for each effect."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for factor in FACTORS:
        times = [size.play(Headgate(), Scenario(rps, 0.005, factor)).median for rps in TRAFFIC]
        axes.plot(TRAFFIC, times, marker="o", label=f"x{factor:g}")
    axes.set(
        title="Headgate: median time to the rollback (no point: fewer than half found in 600 s)",
        xlabel="requests per second of the service (stable fails 0.5 %)",
        ylabel="seconds",
        xscale="log",
        ylim=(0, 620),
    )
    axes.legend()
    return figure
