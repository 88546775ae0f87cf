"""Durations, percentages and moments: read from manifests, computed with as numbers, written as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from headgate.api.fields import (
    format_duration,
    format_moment,
    format_percent,
    parse_duration,
    parse_latency,
    parse_moment,
    parse_percent,
)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h1m1s", 3661), ("0s", 0)])
def test_a_duration_is_a_number_of_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "bad", ["", "5", "1d", "-1m", "1m1h", "1.5h", "5 m", "10ms", "5m\n", "1000h", 5, None, True], ids=repr
)
def test_what_is_no_duration_is_refused_with_the_accepted_form(bad: object) -> None:
    with pytest.raises(ValueError, match="is not a duration: write it like 90s, 5m or 1h30m"):
        parse_duration(bad)


@given(some.integers(0, 999 * 3600))
def test_a_duration_is_read_back_as_it_was_written(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(some.integers(0, 9_999_999))
def test_the_time_of_a_request_is_read_back_as_it_was_written(milliseconds: int) -> None:
    seconds, rest = divmod(milliseconds, 1000)

    assert parse_latency(f"{seconds}s{rest}ms") == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize("bad", ["", "0.3s", "300", "1m", "5ms1s", 300], ids=repr)
def test_what_is_no_time_of_a_request_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="is not a time of a request: write it like 300ms or 2s"):
        parse_latency(bad)


@pytest.mark.parametrize(
    ("value", "fraction"), [(5, 0.05), ("25", 0.25), ("0.5%", 0.005), ("100%", 1), (0, 0), ("0.0001%", 1e-6)]
)
def test_a_percentage_is_a_fraction_of_one(value: object, fraction: float) -> None:
    assert parse_percent(value) == pytest.approx(fraction)


@pytest.mark.parametrize(
    "bad", ["", "%", "101%", -1, 101, 0.5, True, None, "1e1", "nan", " 5%", "5%%", "0.00001%"], ids=repr
)
def test_what_is_no_percentage_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="is not a percentage: write a whole number from 0 to 100 or a string"):
        parse_percent(bad)


@given(some.integers(0, 1_000_000))
def test_a_percentage_is_read_back_as_it_was_written(millionths: int) -> None:
    text = format_percent(millionths / 1e6)

    assert format_percent(parse_percent(text)) == text
    assert parse_percent(text) == pytest.approx(millionths / 1e6, abs=1e-9)


@given(some.integers(0, 4_000_000_000_000_000))
def test_a_moment_is_read_back_to_the_microsecond(microseconds: int) -> None:
    text = format_moment(microseconds / 1e6)

    assert text.endswith("Z")
    assert format_moment(parse_moment(text)) == text
