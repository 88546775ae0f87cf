"""The pictures of `plan` and `replay`: plain SVG, readable on light and on dark ground."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from headgate.analysis import wording
from headgate.analysis.forecast import Detection, Forecast
from headgate.analysis.recorded import Episode
from headgate.api.fields import format_duration, format_moment
from headgate.cli.plan import Plan
from headgate.cli.replay import Replay

WIDTH, LEFT, RIGHT = 960, 70, 930
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-size: 17px; font-weight: 600 }
.muted { fill: #57606a } .grid { stroke: #57606a; stroke-opacity: .3 } .edge { stroke: #57606a; stroke-dasharray: 4 4 }
.line { fill: none; stroke-width: 2.2 } .s0 { stroke: #bf8700 } .s1 { stroke: #bc4c00 } .s2 { stroke: #a40e26 }
.t0 { fill: #9a6700 } .t1 { fill: #bc4c00 } .t2 { fill: #a40e26 } .good { fill: #1a7f37 } .bad { fill: #cf222e }
.wait { fill: #bf8700 } .stable { stroke: #0969da } .area { fill: #0969da; fill-opacity: .15; stroke: none }
@media (prefers-color-scheme: dark) {
 text { fill: #e6edf3 } .muted { fill: #9198a1 } .s0 { stroke: #e3b341 } .s1 { stroke: #f0883e } .s2 { stroke: #ff7b72 }
 .t0 { fill: #e3b341 } .t1 { fill: #f0883e } .t2 { fill: #ff7b72 } .good { fill: #3fb950 } .bad { fill: #f85149 }
 .stable { stroke: #58a6ff } .area { fill: #58a6ff }
}"""


@dataclass(frozen=True)
class Panel:
    """A stretch of the picture with an axis of time and one of values."""

    top: float
    bottom: float
    begin: float
    end: float
    most: float

    def x(self, at: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (at - self.begin) / ((self.end - self.begin) or 1.0), 1)

    def y(self, value: float) -> float:
        return round(self.bottom - (self.bottom - self.top) * min(value, self.most) / (self.most or 1.0), 1)

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        return "M" + " L".join(f"{self.x(at)} {self.y(value)}" for at, value in points)


def plan_picture(plan: Plan) -> str:
    """Which share of bad versions is found by when, for each factor, if they are bad from the first step on."""
    found = plan.forecast
    first = min(one.fault.leg for one in found.detections)
    shown = [one for one in found.detections if one.fault.leg == first and one.fault.sort == "errors"]
    longest = max([time for one in shown for time in one.times] + [one.seconds or 0.0 for one in shown] + [60.0])
    panel = Panel(130, 380, 0.0, 1.1 * longest, 100.0)
    root = _canvas(460, f"{plan.subject.title}: share of bad versions found, by time since the first weight")
    _text(root, (LEFT, 36), f"{plan.subject.title}: how soon a bad version is found", "title")
    traffic = found.traffic
    _text(
        root,
        (LEFT, 60),
        f"{wording.rounded(traffic.rps)} requests a second, stable fails {wording.percent(traffic.errors)};"
        f" {found.releases} simulated releases of each kind, bad from the first step on",
        "muted",
    )
    _shares_axis(root, panel)
    _times_axis(root, panel)
    _steps(root, panel, found)
    for number, one in enumerate(shown):
        _curve(root, panel, one, number)
    return _written(root)


def _curve(root: ET.Element, panel: Panel, one: Detection, number: int) -> None:
    """A stair for each release that was found, and what it is in the legend."""
    count = len(one.times) / one.found if one.found else 1.0
    points, share = [(0.0, 0.0)], 0.0
    for place, time in enumerate(one.times, 1):
        points += [(time, share), (time, 100.0 * place / count)]
        share = 100.0 * place / count
    points.append((panel.end, share))
    ET.SubElement(root, "path", {"d": panel.path(points), "class": f"line s{number}"})
    name = f"x{one.fault.factor:g}: {wording.percent(one.fault.rate)} fail"
    _text(root, (LEFT + 160 * number, 84), name, f"t{number}")


def _steps(root: ET.Element, panel: Panel, found: Forecast) -> None:
    """When a good version typically comes to each step."""
    at = 0.0
    for place, passage in enumerate(found.passages):
        if at > panel.end:
            return
        x = panel.x(at)
        _line(root, (x, panel.top - 8), (x, panel.bottom), "edge")
        if place == 0 or panel.x(at + passage.seconds) - x > 60 or passage is found.passages[-1]:
            _text(root, (x + 4, panel.top - 12), f"{passage.leg.weight} %", "muted")
        at += passage.seconds
    _text(
        root, (RIGHT, panel.bottom + 44), "time since the first weight; dashed: a good version's steps", "muted", "end"
    )


def replay_picture(replay: Replay) -> str:
    """The history of stable, how each release of nothing new ended, and the evidence of the recorded releases."""
    height = 470 + 260 * len(replay.episodes)
    root = _canvas(height, f"{replay.subject.title}: replayed history")
    false, total = replay.tested.count("RolledBack"), len(replay.tested.finished)
    _text(root, (LEFT, 36), f"{replay.subject.title}: {false} of {total} releases of nothing new rolled back", "title")
    allowed = f"allowed are {100 * replay.allowed:g} %; from {_minute(replay.begin)} to {_minute(replay.end)} UTC"
    _text(root, (LEFT, 60), allowed, "muted")
    _history(root, replay)
    for number, episode in enumerate(replay.episodes):
        _evidence(root, replay, episode, 480 + 260 * number)
    return _written(root)


def _history(root: ET.Element, replay: Replay) -> None:
    starts = replay.recording.between(replay.begin, replay.end)
    bins = [
        starts[place : place + max(1, len(starts) // 240)]
        for place in range(0, len(starts), max(1, len(starts) // 240))
    ]
    length, total = replay.recording.length, replay.recording.total
    rates, shares = [], []
    for group in bins:
        requests = sum(total[one].requests for one in group)
        rates.append((group[0], requests / (length * len(group))))
        shares.append((group[0], 100.0 * sum(total[one].errors for one in group) / requests if requests else 0.0))
    for top, points, title in ((110, rates, "requests a second"), (240, shares, "of stable's requests failed, %")):
        most = 1.1 * max((value for _, value in points), default=1.0) or 1.0
        panel = Panel(top, top + 90, replay.begin, replay.end, most)
        _text(root, (LEFT, top - 8), f"{title}, at most {wording.rounded(most / 1.1)}", "muted")
        _line(root, (LEFT, panel.bottom), (RIGHT, panel.bottom), "grid")
        ET.SubElement(root, "path", {"d": panel.path(points), "class": "line stable"})
    _trials(root, replay, Panel(375, 395, replay.begin, replay.end, 1.0))


def _trials(root: ET.Element, replay: Replay, panel: Panel) -> None:
    """One mark for each release of nothing new, where it began."""
    _text(
        root,
        (LEFT, panel.top - 10),
        "releases of nothing new by start: green promoted, red rolled back, ochre neither",
    )
    for trial in replay.tested.trials:
        ending = trial.walked.ending
        kind = {"Promoted": "good", "RolledBack": "bad"}.get(ending, "wait")
        box = {"x": str(panel.x(trial.begin)), "y": str(panel.top), "width": "4", "height": "20", "class": kind}
        ET.SubElement(root, "rect", box)
    _moments(root, panel)


def _evidence(root: ET.Element, replay: Replay, episode: Episode, top: float) -> None:
    """The evidence that a recorded candidate is bad, over time."""
    tens = math.log(10.0)
    needed = -math.log(replay.allowed) / tens
    points = [(one.interval.end, max(0.0, one.judgement.log_e / tens)) for one in episode.checks]
    most = max([1.2 * needed] + [min(3 * needed, value) for _, value in points])
    panel = Panel(top + 50, top + 200, episode.begin, max(episode.end, points[-1][0] if points else episode.end), most)
    _text(root, (LEFT, top + 16), f"Recorded release of {_minute(episode.begin)} UTC: evidence that it is bad", "title")
    for mark in episode.marks:
        _line(root, (panel.x(mark.at), panel.top), (panel.x(mark.at), panel.bottom), "edge")
        _text(root, (panel.x(mark.at) + 4, panel.top - 6), f"{mark.weight} %", "muted")
    _line(root, (LEFT, panel.y(needed)), (RIGHT, panel.y(needed)), "line s2")
    _text(root, (RIGHT, panel.y(needed) - 6), f"rolled back at {wording.odds(needed * tens)} : 1", "t2", anchor="end")
    if points:
        ET.SubElement(root, "path", {"d": panel.path(points), "class": "line stable"})
    _line(root, (LEFT, panel.bottom), (RIGHT, panel.bottom), "grid")
    _moments(root, panel)


def _shares_axis(root: ET.Element, panel: Panel) -> None:
    for share in (0, 25, 50, 75, 100):
        _line(root, (LEFT, panel.y(share)), (RIGHT, panel.y(share)), "grid")
        _text(root, (LEFT - 10, panel.y(share) + 4), f"{share} %", "muted", anchor="end")


def _times_axis(root: ET.Element, panel: Panel) -> None:
    steps = (15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
    step = next((one for one in steps if (panel.end - panel.begin) / one <= 10), 7 * 86400)
    for number in range(int((panel.end - panel.begin) / step) + 1):
        x = panel.x(panel.begin + number * step)
        _text(root, (x, panel.bottom + 22), format_duration(number * step), "muted", anchor="middle")


def _moments(root: ET.Element, panel: Panel) -> None:
    """Times of day below a panel."""
    for number in range(5):
        at = panel.begin + (panel.end - panel.begin) * number / 4
        anchor = "start" if number == 0 else "end" if number == 4 else "middle"
        _text(root, (panel.x(at), panel.bottom + 20), _minute(at), "muted", anchor)


def _minute(at: float) -> str:
    return format_moment(at)[:16].replace("T", " ")


def _canvas(height: float, title: str) -> ET.Element:
    root = ET.Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {height:g}", "role": "img"}
    )
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "style").text = _STYLE
    return root


def _text(root: ET.Element, at: tuple[float, float], text: str, style: str = "", anchor: str = "start") -> None:
    ET.SubElement(
        root, "text", {"x": f"{at[0]:g}", "y": f"{at[1]:g}", "class": style, "text-anchor": anchor}
    ).text = text


def _line(root: ET.Element, begin: tuple[float, float], end: tuple[float, float], style: str) -> None:
    ends = zip(("x1", "y1", "x2", "y2"), (*begin, *end), strict=True)
    ET.SubElement(root, "line", {name: f"{value:g}" for name, value in ends} | {"class": style})


def _written(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode") + "\n"
