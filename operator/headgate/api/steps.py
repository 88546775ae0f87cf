"""The steps that a release takes: those of the spec, or its strategy's, with all defaults filled in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headgate.api.spec import Bounds, Hold, Pause, Spec, Step

Advance = Literal["WhenSafe", "WhenLikely", "WhenNotBad"]
"""When a weight is left: once the candidate is proven safe; once it is likely fine, or the step's max has passed; once
the step's min has passed. Never while it is bad."""

_CANARY = (Step(set_weight="Auto", between=Bounds(min=5, max=50), hold=Hold(min="1m", max="10m")),)
_BLUE_GREEN = (Step(set_weight=100, hold=Hold(min="2m", max="10m", advance="WhenNotBad")),)

DEFAULT_HOLD_MAX = 600.0
DEFAULT_BAKE = 30.0
_GROWTH = 2


@dataclass(frozen=True)
class PlannedStep:
    """One step as it is taken."""

    title: str
    """What it is called in status: `weight 25`, `pause 10m`, `pause for approval`."""
    weight: int | None
    """The candidate's share in percent; None for a pause, which leaves it as it is."""
    shortest: float
    """Seconds it lasts at least; a pause with a duration lasts so long."""
    longest: float
    """Seconds after which `onInconclusive` decides."""
    advance: Advance = "WhenSafe"
    approval: bool = False
    """A pause that a person ends."""


def steps_of(spec: Spec) -> tuple[PlannedStep, ...]:
    """The spec's own steps, or its strategy's; a weight that is `Auto` is spelled out as those it goes through."""
    steps = spec.steps or (_BLUE_GREEN if spec.strategy == "BlueGreen" else _CANARY)
    planned: list[PlannedStep] = []
    for step in steps:
        if step.pause is not None:
            planned.append(_paused(step.pause))
        elif isinstance(step.set_weight, int):
            planned.append(_held(step.set_weight, step.hold or Hold()))
        else:
            reached = next((one.weight for one in reversed(planned) if one.weight is not None), 0)
            planned.extend(_growing(step.between or Bounds(), step.hold or Hold(), reached))
    return tuple(planned)


def _paused(pause: Pause) -> PlannedStep:
    if pause.duration is None:
        return PlannedStep("pause for approval", None, 0.0, 0.0, approval=True)
    return PlannedStep(f"pause {pause.duration:g}s", None, pause.duration, pause.duration)


def _held(weight: int, hold: Hold, advance: Advance | None = None) -> PlannedStep:
    shortest = hold.min or 0.0
    longest = max(shortest, DEFAULT_HOLD_MAX if hold.max is None else hold.max)
    return PlannedStep(f"weight {weight}", weight, shortest, longest, advance or hold.advance)


def _growing(between: Bounds, hold: Hold, reached: int) -> Iterator[PlannedStep]:
    """Weights that double as soon as the candidate is likely fine; the last one is held as the hold says.

    At twice the weight the same evidence takes half the time, so little is exposed before anything is known, and little
    time is lost at a weight at which hardly anything can be known (hack/bench/analysis compares it with fixed steps).
    """
    weight = max(between.min, reached)
    while weight < between.max:
        yield _held(weight, hold, "WhenLikely")
        weight = min(weight * _GROWTH, between.max)
    yield _held(weight, hold)
