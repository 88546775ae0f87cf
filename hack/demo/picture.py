"""The picture of a run: who answered the requests, and who failed how many, over one axis of time. Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from demo.balance import balance
from demo.durations import clock, spoken
from demo.story import Act, Story, answers_of
from demo.svg import LEFT, RIGHT, Panel, add, canvas, written

_LABELS_AT, _LABEL_ROW, _LABEL_ROWS = 118, 18, 3
_LETTER = 7.5
"""Pixels of one letter of a label, at most about."""
_LOWEST_NAME = 16
"""A share of fewer pixels has no room for its version's name."""
_LEVEL = 3.0
"""Percent by which the shares of neighbouring seconds may differ and still count as level."""
_WINDOW = 5
"""Seconds that an error rate is over."""
_FEWEST = 20
"""Fewer answers than this in the window make no rate."""
_CLASSES = ("first", "good", "bad")


class Label(NamedTuple):
    """Something that happened, to be written above the panels in one or two lines."""

    at: float
    lines: tuple[str, ...]
    style: str = ""


def picture(story: Story) -> str:
    """The SVG. ValueError when the story has no requests."""
    if not story.seconds:
        raise ValueError("the record holds no requests: there is nothing to draw")
    begin, end = story.seconds[0].at - 1, story.seconds[-1].at
    shares = Panel(196, 366, 100, begin, end)
    failures = Panel(412, 518, _ceiling(story), begin, end)
    root = canvas("Share of the requests and error rate of each version over two releases")
    shares.grid(root, 4)
    failures.grid(root, 3)
    names = _areas(root, shares, story)
    _rates(root, failures, story)
    labels = _happened(story)
    _lines(root, shares, failures, labels)
    root.extend(names)
    _heading(root, story)
    _panel_heading(root, shares, "Share of the requests, by the version that answered")
    _panel_heading(root, failures, f"Share of the answers that were errors, over {_WINDOW} s")
    _explain(root, failures, story)
    _time(root, failures)
    _labels(root, shares, labels)
    return written(root)


def _heading(root: ET.Element, story: Story) -> None:
    outcome = story.outcome or balance(story, story.seconds[-1].at)
    rate = round(story.sent / len(story.seconds) / 10) * 10
    lost = "none lost" if not outcome.lost else f"{outcome.lost} lost"
    add(root, "text", f"Two releases under {rate} requests a second", x=LEFT, y=34, class_="title")
    text = f"{outcome.sent:,} requests, {lost}, {outcome.errors} answered with an error."
    add(root, "text", text, x=LEFT, y=58, class_="muted")
    add(root, "text", " ".join(map(_sentence, story.acts)), x=LEFT, y=78, class_="muted")


def _sentence(act: Act) -> str:
    """What became of a release."""
    if act.back_at is not None:
        return f"{act.candidate} {act.released.told}: all traffic back after {spoken(act.back_at - act.released.at)}."
    if act.ended_at is not None and act.outcome == "Promoted":
        return f"{act.candidate} is {act.released.told}: promoted after {spoken(act.ended_at - act.released.at)}."
    return f"{act.candidate}: {act.outcome or 'not ended'}."


def _panel_heading(root: ET.Element, panel: Panel, text: str) -> None:
    add(root, "text", text, x=LEFT, y=panel.top - 12, class_="heading halo")


def _areas(root: ET.Element, panel: Panel, story: Story) -> list[ET.Element]:
    """Draw the shares second by second, the newest version at the bottom. Returns their names, to be put on top."""
    names = ET.Element("g")
    below = [0.0] * len(story.seconds)
    for index, version in reversed(list(enumerate(story.versions()))):
        top = [low + share for low, share in zip(below, _shares(story, version), strict=True)]
        edge = [*_stairs(panel, story, top), *reversed(_stairs(panel, story, below))]
        add(root, "path", d=f"M{' L'.join(edge)} Z", class_=f"area {_CLASSES[index]}")
        _name(names, panel, story, index, list(zip(below, top, strict=True)))
        below = top
    return list(names)


def _shares(story: Story, version: str) -> list[float]:
    """The share of each second's answers that came from the version, in percent."""
    return [100 * answers_of([second], version).all / (answers_of([second]).all or 1) for second in story.seconds]


def _stairs(panel: Panel, story: Story, values: Sequence[float]) -> list[str]:
    """The points of a line that is level for each second."""
    points = []
    for second, value in zip(story.seconds, values, strict=True):
        points += [f"{panel.x(second.at - 1)} {panel.y(value)}", f"{panel.x(second.at)} {panel.y(value)}"]
    return points


def _name(root: ET.Element, panel: Panel, story: Story, index: int, edges: Sequence[tuple[float, float]]) -> None:
    """The version's name between its edges, where its share is the highest for the longest."""
    heights = [high - low for low, high in edges]
    first, last = max(_level(heights), key=lambda run: heights[run[0]] * (run[1] - run[0] + 1))
    if heights[first] * (panel.bottom - panel.top) / panel.most < _LOWEST_NAME:
        return
    x = (panel.x(story.seconds[first].at - 1) + panel.x(story.seconds[last].at)) / 2
    y = panel.y(sum(edges[first]) / 2) + 4
    add(root, "text", story.versions()[index], x=x, y=y, text_anchor="middle", class_=f"on {_CLASSES[index]}")


def _level(heights: Sequence[float]) -> list[tuple[int, int]]:
    """First and last index of each run of about the same height."""
    runs = [(0, 0)]
    for index, height in enumerate(heights):
        first, _ = runs[-1]
        if abs(heights[first] - height) <= _LEVEL:
            runs[-1] = (first, index)
        else:
            runs.append((index, index))
    return runs


def _rate(story: Story, position: int, version: str | None = None) -> float | None:
    """The error rate in percent over the window that ends with this second; None where there is too little."""
    window = story.seconds[max(0, position - _WINDOW + 1) : position + 1]
    total, errors = answers_of(window, version)
    serves = answers_of(window[-1:], version).all
    return 100 * errors / total if serves and total >= _FEWEST else None


def _rates(root: ET.Element, panel: Panel, story: Story) -> None:
    """The error rate that all users saw as an area, that of each version as a line."""
    everyone = [(second.at, _rate(story, index) or 0.0) for index, second in enumerate(story.seconds)]
    ground = [(story.seconds[-1].at, 0.0), (story.seconds[0].at, 0.0)]
    add(root, "path", d=f"{_path(panel, [*everyone, *ground])} Z", class_="area all")
    for index, version in enumerate(story.versions()):
        rates = ((second.at, _rate(story, position, version)) for position, second in enumerate(story.seconds))
        drawn = [(at, rate) for at, rate in rates if rate is not None]
        if drawn:
            add(root, "path", d=_path(panel, drawn), class_=f"line {_CLASSES[index]}")


def _path(panel: Panel, points: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{panel.x(at)} {panel.y(rate)}" for at, rate in points)


def _explain(root: ET.Element, panel: Panel, story: Story) -> None:
    """Beside the line of the version that failed: its errors, and what all users saw of them."""
    failing = next((act for act in story.acts if answers_of(story.seconds, act.candidate).errors), None)
    if failing is None:
        return
    total, errors = answers_of(story.seconds, failing.candidate)
    worst = max(_rate(story, position) or 0.0 for position in range(len(story.seconds)))
    x = panel.x(next((at for at, weight in failing.weights if weight), failing.released.at)) - 12
    text = f"{failing.candidate}: {errors} of {total:,} answers"
    add(root, "text", text, x=x, y=panel.top + 22, text_anchor="end", class_="rate halo")
    text = f"grey: what all users saw, at most {worst:.1f} %"
    add(root, "text", text, x=x, y=panel.top + 56, text_anchor="end", class_="muted halo")


def _ceiling(story: Story) -> float:
    """A percentage above every rate that is drawn, to be divided by three."""
    positions = range(len(story.seconds))
    rates = [_rate(story, position, version) or 0.0 for version in story.versions() for position in positions]
    return max(3.0, 3.0 * math.ceil((max(rates) + 0.5) / 3.0))


def _time(root: ET.Element, panel: Panel) -> None:
    """The axis: minutes and seconds since the first request."""
    every = 15 if panel.end - panel.begin <= 240 else 60
    for seconds in range(0, int(panel.end - panel.begin) + 1, every):
        x = panel.x(panel.begin + seconds)
        add(root, "line", x1=x, x2=x, y1=panel.bottom, y2=panel.bottom + 5, class_="grid")
        add(root, "text", clock(seconds), x=x, y=panel.bottom + 20, text_anchor="middle", class_="axis")
    add(root, "text", "minutes and seconds", x=RIGHT, y=panel.bottom + 38, text_anchor="end", class_="axis")


def _happened(story: Story) -> list[Label]:
    """What is worth a line through both panels, in its order."""
    labels = []
    for act in story.acts:
        labels.append(Label(act.released.at, (f"{act.candidate} released",)))
        labels += [Label(at, (f"{weight} %",)) for at, weight in act.weights if weight]
        if act.back_at is not None and act.judged_at is not None:
            took = f"0 % after {spoken(act.back_at - act.judged_at)}"
            labels.append(Label(act.back_at, (f"found {act.verdict.lower()}:", took), "alarm"))
        elif act.ended_at is not None:
            labels.append(Label(act.ended_at, (act.outcome.lower(),), "done"))
    return labels


def _rows(panel: Panel, labels: Sequence[Label]) -> list[int]:
    """The row of each label: the first that has room, and for two lines the next one too."""
    free, rows = [0.0] * _LABEL_ROWS, []
    for label in labels:
        x, tall = panel.x(label.at), len(label.lines)
        fitting = (row for row in range(_LABEL_ROWS - tall + 1) if max(free[row : row + tall]) <= x)
        row = next(fitting, 0)
        free[row : row + tall] = [x + max(map(len, label.lines)) * _LETTER] * tall
        rows.append(row)
    return rows


def _lines(root: ET.Element, upper: Panel, lower: Panel, labels: Sequence[Label]) -> None:
    """From each label a line down through both panels."""
    for label, row in zip(labels, _rows(upper, labels), strict=True):
        x, kind = upper.x(label.at), f"event {label.style}".strip()
        top = _LABELS_AT + row * _LABEL_ROW - 11
        add(root, "line", x1=x, x2=x, y1=top, y2=upper.bottom, class_=kind)
        add(root, "line", x1=x, x2=x, y1=lower.top, y2=lower.bottom, class_=kind)


def _labels(root: ET.Element, panel: Panel, labels: Sequence[Label]) -> None:
    for label, row in zip(labels, _rows(panel, labels), strict=True):
        for number, line in enumerate(label.lines):
            y = _LABELS_AT + (row + number) * _LABEL_ROW
            add(root, "text", line, x=panel.x(label.at) + 5, y=y, class_=f"halo {label.style}".strip())
