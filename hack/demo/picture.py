"""The picture of a run: who answered the requests, and who failed how many, over one axis of time. Pure.

Plain SVG without a library: readable on light and on dark ground, by the reader's own setting.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree as ET

from demo.balance import balance
from demo.durations import clock, spoken
from demo.story import Act, Story

_WIDTH, _HEIGHT = 960, 548
_LEFT, _RIGHT = 58, 936
_LABELS_AT, _LABEL_ROW, _LABEL_ROWS = 104, 18, 3
_LETTER = 6.6
"""Pixels of one letter of a label, about."""
_WINDOW = 5
"""Seconds that an error rate is over."""
_FEWEST = 20
"""Fewer answers than this in the window make no rate."""
_CLASSES = ("first", "good", "bad")
_STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: #1f2328 }
.ground { fill: #ffffff } .title { font-size: 19px; font-weight: 600 } .muted { fill: #59636e } .axis { fill: #59636e }
.grid { stroke: #d1d9e0; stroke-width: 1 } .event { stroke: #59636e; stroke-width: 1; stroke-dasharray: 2 3 }
.alarm { stroke: #cf222e; stroke-dasharray: none; stroke-width: 1.5 } text.alarm { stroke: none; fill: #cf222e; font-weight: 600 }
text.done { fill: #1a7f64; font-weight: 600 } .heading { font-weight: 600 }
.area.first { fill: #a8b3c4 } .area.good { fill: #58a6d6 } .area.bad { fill: #e5734a } .area.all { fill: #8c959f; opacity: .35 }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
.line.first { stroke: #7d8aa0 } .line.good { stroke: #2f86bd } .line.bad { stroke: #d4522a }
.on { fill: #14202b; font-weight: 600 } text.bad { fill: #b8431f; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ground { fill: #0d1117 } .muted, .axis { fill: #9198a1 } .grid { stroke: #2d343d } .event { stroke: #9198a1 }
.alarm { stroke: #ff7b72 } text.alarm { fill: #ff7b72 } text.done { fill: #56d4a4 }
.area.first { fill: #8390a5 } .area.good { fill: #4393c4 } .area.bad { fill: #dd6a41 } .area.all { fill: #9198a1 }
.line.first { stroke: #8390a5 } .line.good { stroke: #58a6d6 } .line.bad { stroke: #f0825a }
.on { fill: #0a0f14 } text.bad { fill: #f0825a }
}
"""


@dataclass(frozen=True)
class Panel:
    """A rectangle with the time from left to right and a percentage from 0 at the bottom to `most` at the top."""

    top: float
    bottom: float
    most: float
    begin: float
    end: float

    def x(self, at: float) -> float:
        return round(_LEFT + (at - self.begin) / (self.end - self.begin) * (_RIGHT - _LEFT), 1)

    def y(self, percent: float) -> float:
        return round(self.bottom - min(percent, self.most) / self.most * (self.bottom - self.top), 1)


class Label(NamedTuple):
    """Something that happened, to be written above the panels."""

    at: float
    text: str
    style: str = ""


def picture(story: Story) -> str:
    """The SVG. ValueError when the record holds no requests."""
    if not story.seconds:
        raise ValueError("the record holds no requests: there is nothing to draw")
    begin, end = story.seconds[0].at - 1, story.seconds[-1].at
    shares = Panel(178, 348, 100, begin, end)
    failures = Panel(394, 500, _ceiling(story), begin, end)
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img")
    _add(root, "title", "Share of the requests and error rate of each version over two releases")
    _add(root, "style", _STYLE)
    _add(root, "rect", width=_WIDTH, height=_HEIGHT, class_="ground")
    _heading(root, story)
    _grid(root, shares, (0, 25, 50, 75, 100), "Share of the requests, by the version that answered")
    _areas(root, shares, story)
    _grid(root, failures, _thirds(failures.most), f"Requests that failed, over {_WINDOW} s")
    _rates(root, failures, story)
    _time(root, failures)
    _labels(root, shares, failures, _happened(story))
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _add(parent: ET.Element, tag: str, content: str = "", **attributes: object) -> ET.Element:
    """A new element; an underscore ends a name that Python has taken, and stands for a hyphen inside of one."""
    named = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    child = ET.SubElement(parent, tag, named)
    child.text = content or None
    return child


def _heading(root: ET.Element, story: Story) -> None:
    outcome = story.outcome or balance(story, story.seconds[-1].at)
    rate = round(story.sent / len(story.seconds) / 10) * 10
    lost = "none lost" if not outcome.lost else f"{outcome.lost} lost"
    _add(root, "text", f"Two releases under {rate} requests a second", x=_LEFT, y=34, class_="title")
    text = f"{outcome.sent:,} requests, {lost}; {outcome.errors} answered with an error. "
    _add(root, "text", text + " ".join(map(_sentence, story.acts)), x=_LEFT, y=58, class_="muted")


def _sentence(act: Act) -> str:
    """What became of a release."""
    if act.back_at is not None:
        return f"{act.candidate} {act.released.told}: taken back after {spoken(act.back_at - act.released.at)}."
    if act.ended_at is not None and act.outcome == "Promoted":
        return f"{act.candidate} is good: promoted after {spoken(act.ended_at - act.released.at)}."
    return f"{act.candidate}: {act.outcome or 'not ended'}."


def _grid(root: ET.Element, panel: Panel, ticks: tuple[float, ...], heading: str) -> None:
    _add(root, "text", heading, x=_LEFT, y=panel.top - 10, class_="heading")
    for tick in ticks:
        y = panel.y(tick)
        _add(root, "line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, class_="grid")
        _add(root, "text", f"{tick:g} %", x=_LEFT - 8, y=y + 4, text_anchor="end", class_="axis")


def _areas(root: ET.Element, panel: Panel, story: Story) -> None:
    """The shares second by second, the newest version at the bottom: its height is its share."""
    below = [0.0] * len(story.seconds)
    for index, version in reversed(list(enumerate(story.versions()))):
        top = []
        for position, second in enumerate(story.seconds):
            answered = sum(second.answers.values()) or 1
            mine = sum(count for name, count in second.answers.items() if name.partition(" ")[0] == version)
            top.append(below[position] + 100 * mine / answered)
        edge = [*_stairs(panel, story, top), *reversed(_stairs(panel, story, below))]
        _add(root, "path", d=f"M{' L'.join(edge)} Z", class_=f"area {_CLASSES[index]}")
        _name(root, panel, story, version, below, top)
        below = top


def _stairs(panel: Panel, story: Story, values: list[float]) -> list[str]:
    """The points of a line that is level for each second."""
    points = []
    for second, value in zip(story.seconds, values, strict=True):
        points += [f"{panel.x(second.at - 1)} {panel.y(value)}", f"{panel.x(second.at)} {panel.y(value)}"]
    return points


def _name(root: ET.Element, panel: Panel, story: Story, version: str, below: list[float], top: list[float]) -> None:
    """The version's name, where its share is the highest for the longest."""
    heights = [round(high - low) for low, high in zip(below, top, strict=True)]
    runs: list[tuple[int, int, int]] = []
    for index, height in enumerate(heights):
        if runs and abs(runs[-1][0] - height) <= 3:
            runs[-1] = (runs[-1][0], runs[-1][1], index)
        else:
            runs.append((height, index, index))
    height, first, last = max(runs, key=lambda run: run[0] * (run[2] - run[1] + 1))
    if height * (panel.bottom - panel.top) / 100 < 16:
        return
    x = (panel.x(story.seconds[first].at - 1) + panel.x(story.seconds[last].at)) / 2
    y = panel.y((below[first] + top[first]) / 2) + 4
    _add(root, "text", version, x=round(x, 1), y=y, text_anchor="middle", class_="on")


def _rate(story: Story, version: str | None, position: int) -> float | None:
    """The share of failed answers, in percent, in the window that ends with this second; None for too few."""
    window = story.seconds[max(0, position - _WINDOW + 1) : position + 1]
    total = errors = 0
    for second in window:
        for name, count in second.answers.items():
            answered, _, code = name.partition(" ")
            if version is None or answered == version:
                total += count
                errors += count if code.startswith("5") else 0
    return 100 * errors / total if total >= _FEWEST else None


def _rates(root: ET.Element, panel: Panel, story: Story) -> None:
    """All users' error rate as an area, that of each version as a line."""
    everyone = [_rate(story, None, position) or 0.0 for position in range(len(story.seconds))]
    points = [f"{panel.x(second.at)} {panel.y(rate)}" for second, rate in zip(story.seconds, everyone, strict=True)]
    base = [f"{panel.x(story.seconds[-1].at)} {panel.bottom}", f"{panel.x(story.seconds[0].at)} {panel.bottom}"]
    _add(root, "path", d=f"M{' L'.join([*points, *base])} Z", class_="area all")
    for index, version in enumerate(story.versions()):
        rates = [_rate(story, version, position) for position in range(len(story.seconds))]
        shown = [(second.at, rate) for second, rate in zip(story.seconds, rates, strict=True) if rate is not None]
        if shown:
            line = " L".join(f"{panel.x(at)} {panel.y(rate)}" for at, rate in shown)
            _add(root, "path", d=f"M{line}", class_=f"line {_CLASSES[index]}")
    _explain(root, panel, story, max(everyone))


def _explain(root: ET.Element, panel: Panel, story: Story, worst: float) -> None:
    """Beside the worst version's line: its rate, and what all users saw of it."""
    act = max(story.acts, key=lambda item: story.answers(item.candidate).errors, default=None)
    if act is None or not (seen := story.answers(act.candidate)).errors:
        return
    weights = [weight for weight in act.weights if weight.weight]
    x = panel.x(weights[0].at if weights else act.released.at) - 10
    line = f"{act.candidate}: {seen.errors} of {seen.all:,} failed"
    _add(root, "text", line, x=x, y=panel.top + 20, text_anchor="end", class_="bad")
    grey = f"all users together (grey): never more than {worst:.1f} %"
    _add(root, "text", grey, x=x, y=panel.top + 40, text_anchor="end", class_="muted")


def _ceiling(story: Story) -> float:
    """A round percentage above every rate that is drawn."""
    rates = [_rate(story, version, index) or 0.0 for version in story.versions() for index in range(len(story.seconds))]
    return max(3.0, 3.0 * math.ceil((max(rates) + 0.5) / 3.0))


def _thirds(most: float) -> tuple[float, ...]:
    return tuple(most * part / 3 for part in range(4))


def _time(root: ET.Element, panel: Panel) -> None:
    """The axis: minutes and seconds since the first request."""
    every = 15 if panel.end - panel.begin <= 240 else 60
    for seconds in range(0, int(panel.end - panel.begin) + 1, every):
        x = panel.x(panel.begin + seconds)
        _add(root, "line", x1=x, x2=x, y1=panel.bottom, y2=panel.bottom + 5, class_="grid")
        _add(root, "text", clock(seconds), x=x, y=panel.bottom + 20, text_anchor="middle", class_="axis")
    _add(root, "text", "minutes and seconds", x=_RIGHT, y=panel.bottom + 38, text_anchor="end", class_="axis")


def _happened(story: Story) -> list[Label]:
    """What is worth a line through both panels, in its order."""
    labels = []
    for act in story.acts:
        labels.append(Label(act.released.at, f"{act.candidate} released"))
        raised = [weight for weight in act.weights if weight.weight]
        labels += [Label(at, f"{weight} %") for at, weight in raised]
        if act.back_at is not None and act.judged_at is not None:
            text = f"{act.verdict.lower()}: rolled back in {spoken(act.back_at - act.judged_at)}"
            labels.append(Label(act.back_at, text, "alarm"))
        elif act.ended_at is not None:
            labels.append(Label(act.ended_at, act.outcome.lower(), "done"))
    return labels


def _labels(root: ET.Element, upper: Panel, lower: Panel, labels: list[Label]) -> None:
    """Each label in the first row that has room, its line down through both panels."""
    free = [0.0] * _LABEL_ROWS
    for at, text, style in labels:
        x, length = upper.x(at), len(text) * _LETTER + 12
        row = next((index for index, until in enumerate(free) if until <= x), 0)
        leftward = x + length > _WIDTH
        free[row] = x + length
        y = _LABELS_AT + row * _LABEL_ROW
        kind = f"event {style}".strip()
        _add(root, "line", x1=x, x2=x, y1=y - 10, y2=upper.bottom, class_=kind)
        _add(root, "line", x1=x, x2=x, y1=lower.top, y2=lower.bottom, class_=kind)
        anchor = "end" if leftward else "start"
        _add(root, "text", text, x=x - 4 if leftward else x + 4, y=y, text_anchor=anchor, class_=style)
