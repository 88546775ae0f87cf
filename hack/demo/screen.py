"""The run on one calm screen of a terminal: 80 columns and 24 lines are enough."""

import textwrap
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from demo import shop
from demo.durations import clock, spoken
from demo.record import Entry
from demo.story import Act, Mark, Story, answers_of

_REDRAW = 0.5
_RECENT = 3
"""The rates shown are over so many seconds."""
_MARKS: dict[Mark, tuple[str, str]] = {
    "done": ("[x]", "green"),
    "now": ("[>]", "bold"),
    "next": ("[ ]", "dim"),
    "failed": ("[!]", "bold red"),
}
_OUTCOMES = {"Promoted": ("promoted", "green"), "RolledBack": ("rolled back", "yellow")}
_COLOURS = ("bright_blue", "cyan", "magenta")
_LABEL = 10
_WORDS = 6
"""Lines of what the operator says."""
_EVENTS_AT_LEAST = 3


class Screen:
    """Redraws the whole screen a few times a second; what stood there before comes back at the end."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._console = console
        self._drawn = 0.0

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.__exit__(kind, error, at)

    def show(self, story: Story, _entry: Entry | None) -> None:
        if time.monotonic() - self._drawn >= _REDRAW:
            self._drawn = time.monotonic()
            width, height = self._console.size
            self._live.update(draw(story, time.time(), width, height), refresh=True)


def draw(story: Story, now: float, width: int, height: int) -> RenderableType:
    """The whole screen at `now`."""
    top: list[RenderableType] = [
        _head(story, now, width),
        Text(),
        *_acts(story, now),
        Text(),
        _traffic(story),
        Text(),
        *_words(story, width),
        Text(),
    ]
    used = 1 + 1 + (len(shop.PLAN) + 1) + 1 + (1 + len(story.versions())) + 1 + _WORDS + 1
    return Group(*top, *_events(story, width, max(_EVENTS_AT_LEAST, height - used)))


def _head(story: Story, now: float, width: int) -> RenderableType:
    row = Table.grid(expand=True)
    row.add_column()
    row.add_column(justify="right")
    lost = Text(f"{story.lost} lost", style="green" if not story.lost else "bold red")
    counts = Text.assemble(f"{story.sent:,} requests sent, ", lost, f"   {clock(now - (story.began or now)):>5}")
    row.add_row(Text("Two releases under load, Ctrl-C ends", style="bold"), counts)
    row.width = width
    return row


def _acts(story: Story, now: float) -> list[RenderableType]:
    """A line for each release of the plan, and the steps of the present one."""
    rows: list[RenderableType] = []
    for number, planned in enumerate(shop.PLAN, start=1):
        act = story.acts[number - 1] if number <= len(story.acts) else None
        title = f"{number}  {planned.stable.name} -> {planned.candidate.tag}, {planned.told}"
        rows.append(Text.assemble((f"{title:<54}", "" if act else "dim"), _ending(act, now), no_wrap=True))
        if act is not None and act is story.act:
            rows.append(_steps(act))
    return rows if story.acts else [*rows, Text()]


def _ending(act: Act | None, now: float) -> Text:
    if act is None:
        return Text("to come", style="dim")
    took = (act.ended_at or now) - act.released.at
    if act.ended_at is None:
        return Text(f"{act.status.phase} {clock(took)}", style="bold")
    words, style = _OUTCOMES.get(act.outcome, (act.outcome, "red"))
    return Text(f"{words} in {spoken(took)}", style=style)


def _steps(act: Act) -> Text:
    marks = ((f"{_MARKS[mark][0]} {name}  ", _MARKS[mark][1]) for name, mark in act.marked_steps())
    return Text.assemble("   ", *marks, no_wrap=True)


def _traffic(story: Story) -> Table:
    """A row for each version: its weight as a bar, its requests a second, and all its answers."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=_LABEL)
    table.add_column(width=22)
    for name in ("weight", "200/s", "5xx/s", "answers", "errors"):
        table.add_column(justify="right", min_width=len(name) + 1)
    table.add_row(*(Text(name, style="dim") for name in ("", "", "weight", "200/s", "5xx/s", "answers", "errors")))
    for index, version in enumerate(story.versions()):
        table.add_row(version, *_row(story, version, _COLOURS[index]))
    return table


def _row(story: Story, version: str, colour: str) -> list[RenderableType]:
    """Weight, recent answers a second by kind, and all answers of one version."""
    weight = _weight(story, version)
    total, errors = answers_of(story.seconds, version)
    recent = answers_of(story.seconds[-_RECENT:], version)
    seconds = len(story.seconds[-_RECENT:]) or 1
    red = "red" if errors else ""
    return [
        ProgressBar(total=100, completed=weight, complete_style=colour, finished_style=colour),
        f"{weight} %",
        f"{(recent.all - recent.errors) / seconds:.0f}",
        Text(f"{recent.errors / seconds:.1f}", style=red),
        f"{total:,}",
        Text(str(errors), style=red),
    ]


def _weight(story: Story, version: str) -> int:
    """The share that a version is to get now, in percent."""
    act, status = story.act, story.status
    if act is not None and act.ended_at is None:
        return {act.candidate: act.weight, act.released.stable: 100 - act.weight}.get(version, 0)
    shares: dict[str, int] = {}
    if status.candidate is not None:
        shares[status.candidate.image] = status.weights.candidate
    if status.stable is not None:
        shares[status.stable.image] = status.weights.stable
    return shares.get(version, 0)


def _words(story: Story, width: int) -> list[Text]:
    """What the operator says, in always six lines.

    Verdict and evidence are those of the last status, which is written at transitions; the odds are its live metric.
    """
    status, said = story.status, f"at {clock(story.said_at - (story.began or 0.0))}"
    judged = [item for item in status.evidence if item.requests or item.verdict == "Unknown"]
    evidence = "; ".join(f"{item.objective}: {item.message}" for item in judged)
    return [
        *_labelled(("Verdict",), (status.summary.verdict or "none yet") + _odds(story), width, "bold"),
        *_labelled(("Evidence", said), evidence or "no request of a new version is judged yet", width),
        *_labelled(("Now", "", ""), status.message, width),
    ]


def _odds(story: Story) -> str:
    """The live odds, while they are not decided."""
    act, evidence = story.act, story.status.evidence
    if act is None or act.odds is None or act.verdict or not act.weight or not evidence:
        return ""
    return f"; now {act.odds:,.2g} : 1 that it is bad, needed {evidence[0].needed} : 1"


def _labelled(labels: Sequence[str], text: str, width: int, style: str = "") -> list[Text]:
    """The text beside its labels, in as many lines as there are labels."""
    wrapped = textwrap.wrap(text, width - _LABEL, max_lines=len(labels), placeholder=" ...")
    wrapped += [""] * (len(labels) - len(wrapped))
    return [
        Text.assemble((f"{label:<{_LABEL}}", "dim"), (line, style)) for label, line in zip(labels, wrapped, strict=True)
    ]


def _events(story: Story, width: int, most: int) -> list[Text]:
    """The last events, one line each."""
    noted = [note for act in story.acts for note in act.notes]
    rows = []
    for note in noted[-most:]:
        row = Text.assemble(
            (f"{clock(note.at - (story.began or note.at)):<6}", "dim"),
            (f"{note.reason:<11}", "bold red" if note.warning else "bold"),
            note.note,
            no_wrap=True,
            overflow="ellipsis",
        )
        row.truncate(width, overflow="ellipsis")
        rows.append(row)
    return rows
