"""The steps a release takes: those of the spec, or the defaults of its strategy."""

from headgate.api.spec import Hold, Spec, Step

_CANARY = (
    Step(set_weight=5, hold=Hold(min="1m", max="10m")),
    Step(set_weight=25, hold=Hold(min="2m", max="10m")),
    Step(set_weight=50, hold=Hold(min="2m", max="10m")),
)
_BLUE_GREEN = (Step(set_weight=100, hold=Hold(min="2m", max="10m", advance="WhenNotBad")),)

DEFAULT_HOLD_MAX = 600.0
DEFAULT_BAKE = 30.0


def steps_of(spec: Spec) -> tuple[Step, ...]:
    """The spec's own steps, or its strategy's."""
    if spec.steps:
        return spec.steps
    return _BLUE_GREEN if spec.strategy == "BlueGreen" else _CANARY


def hold_of(step: Step) -> tuple[float, float]:
    """The shortest and longest stay of a weight step, in seconds."""
    hold = step.hold or Hold()
    shortest = hold.min or 0.0
    return shortest, max(shortest, DEFAULT_HOLD_MAX if hold.max is None else hold.max)


def title_of(step: Step) -> str:
    """What a step is called in status: `weight 25`, `pause 10m`, `pause for approval`."""
    if step.set_weight is not None:
        return f"weight {step.set_weight}"
    if step.pause is None or step.pause.duration is None:
        return "pause for approval"
    return f"pause {step.pause.duration:g}s"
