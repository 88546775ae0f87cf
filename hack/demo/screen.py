"""The run on one calm screen of a terminal: 80 columns and 24 lines are enough."""

import textwrap
import time
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
from demo.story import Act, Mark, Story

_REDRAW = 0.25
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
    used = 4 + len(shop.PLAN) + 1 + (1 + len(story.versions())) + 6
    return Group(*top, *_events(story, width, max(_EVENTS_AT_LEAST, height - used - 1)))


def _head(story: Story, now: float, width: int) -> RenderableType:
    row = Table.grid(expand=True)
    row.add_column()
    row.add_column(justify="right")
    lost = Text(f"{story.lost} lost", style="green" if not story.lost else "bold red")
    counts = Text.assemble(f"{story.sent:,} requests sent, ", lost, f"   {clock(now - (story.began or now)):>5}")
    row.add_row(Text("Headgate: two releases under load", style="bold"), counts)
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
        weight = _weight(story, version)
        bar = ProgressBar(total=100, completed=weight, complete_style=_COLOURS[index], finished_style=_COLOURS[index])
        total, errors = story.answers(version)
        recent = story.answers(version, story.seconds[-_RECENT - 1].at if len(story.seconds) > _RECENT else 0.0)
        seconds = min(_RECENT, len(story.seconds)) or 1
        good, bad = (recent.all - recent.errors) / seconds, recent.errors / seconds
        red = "red" if errors else ""
        table.add_row(
            version, bar, f"{weight} %", f"{good:.0f}", Text(f"{bad:.1f}", style=red), f"{total:,}", Text(str(errors), style=red)
        )
    return table


def _weight(story: Story, version: str) -> int:
    """The share that a version is to get now, in percent."""
    act = story.act
    if act is None or act.ended_at is not None:
        return 100 if version == _serving(story) else 0
    return {act.candidate: act.weight, act.released.stable: 100 - act.weight}.get(version, 0)


def _serving(story: Story) -> str:
    return story.status.stable.image if story.status.stable else ""


def _words(story: Story, width: int) -> list[RenderableType]:
    """What the operator says: the verdict with its odds, its evidence, and what happens now. Always six lines."""
    status, act = story.status, story.act
    odds = f"; odds of {act.odds:,.2g} : 1 that it is bad" if act and act.odds is not None and not act.ended_at else ""
    evidence = "; ".join(f"{item.objective}: {item.message}" for item in status.evidence if item.message)
    return [
        *_labelled("Verdict", (status.summary.verdict or "none yet") + odds, width, 1, "bold"),
        *_labelled("Evidence", evidence or "none yet", width, 2),
        *_labelled("Now", status.message, width, 3),
    ]


def _labelled(label: str, text: str, width: int, lines: int, style: str = "") -> list[Text]:
    """The text beside its label, in exactly so many lines."""
    wrapped = textwrap.wrap(text, width - _LABEL, max_lines=lines, placeholder=" ...")
    wrapped += [""] * (lines - len(wrapped))
    labels = [label, *[""] * (lines - 1)]
    return [
        Text.assemble((f"{head:<{_LABEL}}", "dim"), (line, style)) for head, line in zip(labels, wrapped, strict=True)
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
