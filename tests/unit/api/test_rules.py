"""Rules are kept offline as the API server keeps them; tests/cluster/admission/test_crd.py sees that both agree."""

from typing import ClassVar

import pytest
from pydantic import ValidationError

from headgate.api.rules import VALIDATIONS, Rule, Ruled, lasting, matching, sharing
from headgate.api.spec import Spec
from headgate.api.status import Status

TARGET = {"kind": "Deployment", "name": "shop"}


class Range(Ruled):
    """Two numbers in order."""

    rules: ClassVar = (Rule("self.low <= self.high", "low above high", lambda it: it.low <= it.high),)

    low: int
    high: int


def test_a_rule_between_fields_stands_in_the_schema_and_is_kept() -> None:
    assert Range.model_json_schema()[VALIDATIONS] == [{"rule": "self.low <= self.high", "message": "low above high"}]
    assert Range(low=1, high=2).high == 2
    with pytest.raises(ValidationError, match="low above high"):
        Range(low=2, high=1)


def test_a_transition_rule_is_left_to_the_api_server() -> None:
    """It compares with the object before the update, which nobody has offline."""
    assert Rule("self == oldSelf", "can't change").holds("anything")


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (matching("^[a-z]+$", "letters"), "abc", "abc1"),
        (lasting("2s", "10m", "2s to 10m"), 600.0, 600.5),
        (lasting("2s", "10m", "2s to 10m"), 2.0, 1.0),
        (sharing("50%", "99%", "50 to 99"), 0.99, 0.991),
        (sharing("50%", "99%", "50 to 99"), 0.5, 0.49),
    ],
)
def test_the_ends_of_a_range_belong_to_it(rule: Rule, good: object, bad: object) -> None:
    assert rule.holds(good)
    assert not rule.holds(bad)


def test_a_live_spec_with_fields_of_a_newer_version_is_read() -> None:
    """An operator that was rolled back must go on with the releases that are there."""
    spec = Spec.model_validate({"targetRef": TARGET, "mirror": {"percent": 5}})

    assert spec.target_ref.name == "shop"


def test_a_status_is_cut_where_it_is_written() -> None:
    written = Status().told(message="x" * 2000).manifest()["message"]

    assert written == "x" * 1021 + "..."
