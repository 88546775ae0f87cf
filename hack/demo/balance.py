"""What the run came to: the numbers of the table, and whether all was as it should be. Pure."""

from demo import shop
from demo.record import Outcome
from demo.story import Act, Story, answers_of

_WIDTH = 1.0
"""A line of the load generator counts this many seconds."""


def balance(story: Story, at: float) -> Outcome:
    """The outcome of the run that ended at `at`."""
    starts = [act.released.at for act in story.acts]
    ends = [*starts[1:], at + _WIDTH]
    releases = [_release(story, act, until) for act, until in zip(story.acts, ends, strict=True)]
    return Outcome(at, story.sent, story.lost, answers_of(story.seconds).errors, releases, _problems(story))


def _release(story: Story, act: Act, until: float) -> dict[str, str | int | float | None]:
    """One column of the table; times in seconds."""
    began = act.released.at
    seconds = story.between(began, until)
    promoted = act.ended_at if act.outcome == "Promoted" else None
    return {
        "version": act.candidate,
        "outcome": act.outcome or "not ended",
        "sent": sum(second.sent for second in seconds),
        "lost": sum(second.lost for second in seconds),
        "served": answers_of(seconds, act.candidate).all,
        "errors": answers_of(seconds).errors,
        "verdict": act.verdict,
        "to_verdict": _since(began, act.judged_at),
        "to_rollback": _since(began, act.back_at),
        "verdict_to_rollback": _since(act.judged_at, act.back_at),
        "to_promotion": _since(began, promoted),
    }


def _since(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)


def _problems(story: Story) -> list[str]:
    """A sentence for each thing that is not as it should be."""
    problems = [
        f"{act.candidate} should have been {act.released.expected} but is {act.outcome or 'not ended'}:"
        f" {act.status.message}"
        for act in story.acts
        if act.outcome != act.released.expected
    ]
    planned = len(shop.PLAN) - len(story.acts)
    if planned > 0:
        problems.append(f"{planned} of {len(shop.PLAN)} releases did not take place")
    if story.lost:
        problems.append(f"{story.lost} of {story.sent:,} requests were lost")
    return problems
