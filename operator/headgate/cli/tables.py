"""What `plan` and `replay` show in a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from headgate.analysis import wording
from headgate.analysis.forecast import Detection, Forecast
from headgate.analysis.recorded import Check, Episode, title_at
from headgate.analysis.walk import PROMOTION
from headgate.api.fields import format_duration, format_moment
from headgate.cli.plan import Plan
from headgate.cli.replay import Replay

_WIDTH = 120
"""Where the output is no terminal."""


def print_page(page: RenderableType) -> None:
    """Prints to standard output; where that is no terminal, without colours and without spaces at the ends of lines."""
    out = Console(highlight=False, emoji=False, markup=False)
    if out.is_terminal:
        out.print(page)
        return
    out.width = _WIDTH
    with out.capture() as captured:
        out.print(page)
    for line in captured.get().splitlines():
        print(line.rstrip())


def plan_table(plan: Plan) -> RenderableType:
    """The plan as a page."""
    found, traffic = plan.forecast, plan.forecast.traffic
    rates = [f"{wording.percent(traffic.errors)} fail"]
    if traffic.slow is not None:
        rates.append(f"{wording.percent(traffic.slow)} are slow")
    phi = (
        f", errors scatter {traffic.errors_phi:.1f} times as much as independent ones" if traffic.errors_phi > 1 else ""
    )
    head = f"{plan.subject.title}: {wording.rounded(traffic.rps)} requests a second, {' and '.join(rates)}{phi}"
    parts: list[RenderableType] = [
        Text(head, style="bold"),
        Text(f"{plan.source}; {found.releases} simulated releases of each kind, judged as the operator does\n"),
        _good(found),
        Text(_endings(found)),
    ]
    for sort, words in (("errors", "fails"), ("slow", "is slow")):
        detections = [one for one in found.detections if one.fault.sort == sort]
        if detections:
            parts += [Text(""), _bad(found, detections, words)]
    parts.append(Text(f"a share of {found.releases} is exact to about {_exactness(found.releases):.0f} points"))
    return Group(*parts, Text(""), *_said(plan))


def _good(found: Forecast) -> Table:
    table = _table("A good version", "step", "lasts", "proven safe", "took, median", "nine of ten within")
    for one in found.passages:
        leg = one.leg
        judged = leg.ends != "Time" and leg.weight
        safe = _share(one.safe) if judged else "-"
        lasts = format_duration(leg.shortest)
        lasts += f" to {format_duration(leg.longest)}" if leg.longest > leg.shortest else ""
        table.add_row(
            PROMOTION if leg.title == PROMOTION else f"{leg.step} {leg.title}",
            lasts,
            safe,
            format_duration(round(one.seconds)),
            format_duration(round(one.slowest)),
        )
    return table


def _endings(found: Forecast) -> str:
    words = {
        "Promoted": "promoted",
        "RolledBack": "rolled back by a false alarm",
        "Inconclusive": "rolled back unproven",
        "Waiting": "wait for a person",
        "Blind": "stall without a verdict",
    }
    shares = ", ".join(f"{_share(share)} {words[ending]}" for ending, share in found.endings.items())
    took = f"; in all {format_duration(round(found.seconds))} (median of those promoted)" if found.seconds else ""
    return f"good versions: {shares}{took}"


def _bad(found: Forecast, detections: Sequence[Detection], words: str) -> Table:
    factors = sorted({one.fault.factor for one in detections})
    rates = {one.fault.factor: one.fault.rate for one in detections}
    head = [f"x{factor:g} ({wording.percent(rates[factor])})" for factor in factors]
    table = _table(
        f"A version that {words} more often: found after, requests it answered until then", "from step", *head
    )
    for place in sorted({one.fault.leg for one in detections}):
        leg = found.course.legs[place]
        row = [_detected(one) for one in detections if one.fault.leg == place]
        table.add_row(f"{leg.step} {leg.title}", *row)
    return table


def _detected(one: Detection) -> str:
    """`1m35s, 574`, or how many are found and what becomes of the others."""
    exposed = f"{wording.rounded(one.exposed)} requests" if one.exposed >= 1 else "no request"
    if one.seconds is not None:
        text = f"{format_duration(round(one.seconds))}, {exposed}"
        return text if one.found == 1.0 else f"{text} ({_share(one.found)} found)"
    rest = "ask a person" if one.asked >= one.promoted else "are promoted"
    share = max(one.asked, one.promoted)
    return f"{_share(one.found)} found, {_share(share)} {rest}; {exposed}"


def _said(plan: Plan) -> Iterable[RenderableType]:
    words = "feasible" if plan.advice.feasible else "not feasible as it is"
    yield Text(f"The release is {words}.", style="bold")
    for sentence in plan.advice.sentences:
        yield Padding(Text(f"- {sentence}"), (0, 0, 0, 2))
    for note in plan.notes:
        yield Padding(Text(f"note: {note}", style="dim"), (0, 0, 0, 2))


def replay_table(replay: Replay) -> RenderableType:
    """The replay as a page."""
    parts: list[RenderableType] = [
        Text(f"{replay.subject.title} from {_clock(replay.begin)} to {_clock(replay.end)} UTC", style="bold"),
        Text(f"{replay.source}\n"),
        *_nothing_new(replay),
    ]
    if replay.incidents:
        parts += [Text(""), _incidents(replay)]
    for episode in replay.episodes:
        parts += [Text(""), _episode(replay, episode)]
    if not replay.episodes:
        parts.append(Text("\nno recorded release of this service was found in that time"))
    return Group(*parts, Text(""), *(Padding(Text(f"note: {one}", style="dim"), (0, 0, 0, 2)) for one in replay.notes))


def _nothing_new(replay: Replay) -> Iterable[RenderableType]:
    """The releases of nothing new in sentences."""
    tested = replay.tested
    total, false = len(tested.finished), tested.count("RolledBack")
    _, low, high = tested.false_share
    yield Text(
        f"{len(tested.trials)} releases of nothing new, {total} of which ended before the history did", style="bold"
    )
    if not total:
        yield Text("  none can be told of: give an earlier --start")
        return
    word = "no more than that by chance" if replay.kept else "surely more than that"
    yield Text(
        f"  {false} rolled back falsely: {100 * false / total:.1f} %, 95 % interval {100 * low:.1f} to"
        f" {100 * high:.1f} %; allowed are {100 * replay.allowed:g} %: {word}"
    )
    for leg in replay.course.legs:
        reached, missed = tested.unproven(leg.step) if leg.ends == "WhenSafe" else (0, 0)
        if reached:
            yield Text(
                f"  step {leg.step} ({leg.title}): {missed} of {reached} were not proven safe"
                f" within {format_duration(leg.longest)}"
            )


def _incidents(replay: Replay) -> Table:
    table = _table("Where the false rollbacks were", "from", "to", "rollbacks", "in", "why the first")
    for one in replay.incidents:
        legs = dict.fromkeys(trial.walked.stays[-1].leg.title for trial in one.trials)
        reason = one.trials[0].walked.reason
        table.add_row(_clock(one.begin), _clock(one.end), str(len(one.trials)), ", ".join(legs), reason)
    return table


def _episode(replay: Replay, episode: Episode) -> RenderableType:
    """A recorded release: the checks at which something changed."""
    table = _table("", "at", "after", "step", "verdict", "why")
    table.title = None
    for check in _telling(episode):
        table.add_row(
            _clock(check.interval.end),
            format_duration(round(check.interval.end - episode.begin)),
            f"{check.interval.step} {title_at(replay.course, check.interval)}",
            check.judgement.verdict,
            check.judgement.reason,
        )
    found, exposed = episode.found, f"{wording.number(episode.exposed)} requests"
    if found is None:
        outcome = f"would not have been rolled back; the candidate answered {exposed}"
    else:
        after = format_duration(round(found.interval.end - episode.begin))
        outcome = f"would have been rolled back after {after}, {exposed}"
    return Group(Text(f"Recorded release of {_clock(episode.begin)} UTC: {outcome}", style="bold"), table)


def _telling(episode: Episode) -> Iterable[Check]:
    """The first check of each step and verdict up to the one that ends the release, and the last of all."""
    before: tuple[int, int, str] | None = None
    last = episode.found or (episode.checks[-1] if episode.checks else None)
    for check in episode.checks:
        now = check.interval.step, check.interval.weight, check.judgement.verdict
        if now != before or check is last:
            yield check
        if check is last:
            return
        before = now


def _clock(moment: float) -> str:
    """`2026-01-31 12:00:05`."""
    return format_moment(moment)[:19].replace("T", " ")


def _share(share: float) -> str:
    """`37 %`; never 0 or 100 for what is neither."""
    if 0 < share < 0.01:
        return "below 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def _exactness(releases: int) -> float:
    """Half the 95 % interval of a share of one half, in points."""
    return float(100 * 1.96 * (0.25 / releases) ** 0.5)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, header_style="dim")
    return table
