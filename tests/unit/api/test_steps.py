"""The steps of a spec as they are taken: defaults filled in, weights that are Auto spelled out."""

from typing import Any

import pytest

from headgate.api.spec import Spec
from headgate.api.steps import PlannedStep, steps_of

TARGET = {"kind": "Deployment", "name": "shop"}


def planned(*steps: dict[str, Any], **spec: Any) -> tuple[PlannedStep, ...]:
    given = {"steps": list(steps)} if steps else {}
    return steps_of(Spec.model_validate({"targetRef": TARGET, **given, **spec}))


def test_a_canary_grows_and_a_blue_green_release_switches_by_default() -> None:
    assert [step.weight for step in planned()] == [5, 10, 20, 40, 50]
    assert {(step.shortest, step.longest) for step in planned()} == {(60, 600)}
    assert [(step.weight, step.advance) for step in planned(strategy="BlueGreen")] == [(100, "WhenNotBad")]


def test_a_pause_has_its_time_or_waits_for_a_person() -> None:
    timed, asked = planned({"pause": {"duration": "90s"}}, {"pause": {}})

    assert (timed.title, timed.weight, timed.shortest, timed.approval) == ("pause 90s", None, 90, False)
    assert (asked.title, asked.approval) == ("pause for approval", True)


def test_a_hold_lasts_no_longer_than_ten_minutes_unless_it_must() -> None:
    short, long = planned({"setWeight": 5}, {"setWeight": 5, "hold": {"min": "1h"}})

    assert (short.shortest, short.longest, short.advance) == (0, 600, "WhenSafe")
    assert (long.shortest, long.longest) == (3600, 3600)


@pytest.mark.parametrize(
    ("between", "weights"),
    [
        (None, [1, 2, 4, 8, 16, 32, 50]),
        ({"min": 5}, [5, 10, 20, 40, 50]),
        ({"min": 5, "max": 20}, [5, 10, 20]),
        ({"min": 50, "max": 50}, [50]),
        ({"max": 100}, [1, 2, 4, 8, 16, 32, 64, 100]),
    ],
)
def test_a_weight_that_is_auto_doubles_between_its_bounds(between: dict[str, int] | None, weights: list[int]) -> None:
    step = {"setWeight": "Auto", "hold": {"min": "30s", "max": "5m"}} | ({"between": between} if between else {})
    *growing, last = planned(step)

    assert [one.weight for one in (*growing, last)] == weights
    assert {(one.shortest, one.longest, one.advance) for one in growing} <= {(30, 300, "WhenLikely")}
    assert (last.shortest, last.longest, last.advance) == (30, 300, "WhenSafe")


def test_auto_goes_on_from_where_the_traffic_is() -> None:
    steps = planned({"setWeight": 25}, {"pause": {}}, {"setWeight": "Auto"}, {"setWeight": 100})

    assert [step.weight for step in steps] == [25, None, 25, 50, 100]
