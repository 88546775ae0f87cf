"""Field types that read like Kubernetes and compute like numbers.

A duration is written `90s`, `5m`, `1h30m` and is a number of seconds; a percentage is written `5` or `0.5%` and is a
fraction of one; a moment is written in RFC 3339 and is seconds since the epoch. Arithmetic in the pure rooms is plain.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

DURATION_PATTERN = "^([0-9]{1,3}h)?([0-9]{1,5}m)?([0-9]{1,7}s)?$"
LATENCY_PATTERN = "^([0-9]{1,4}s)?([0-9]{1,6}ms)?$"
PERCENT_PATTERN = r"^([0-9]{1,2}([.][0-9]{1,4})?|100)%?$"

# The ends of the sentences that the API server and these parsers both say.
NO_DURATION = "not a duration: write it like 90s, 5m or 1h30m"
NO_LATENCY = "not a time of a request: write it like 300ms or 2s"
NO_WEIGHT = "not a weight: write a whole number from 0 to 100, or Auto"
NO_PERCENT = "not a percentage: write a whole number from 0 to 100 or a string like 0.5%"

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def parse_duration(text: object) -> float:
    """Seconds of `1h30m` or `90s`. Raises ValueError with the accepted form."""
    return _seconds(text, DURATION_PATTERN, NO_DURATION)


def parse_latency(text: object) -> float:
    """Seconds of `2s` or `250ms`. Raises ValueError with the accepted form."""
    return _seconds(text, LATENCY_PATTERN, NO_LATENCY)


def _seconds(text: object, pattern: str, problem: str) -> float:
    if not isinstance(text, str) or not text or not re.fullmatch(pattern, text):
        raise ValueError(f"{text!r} is {problem}")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall("([0-9]+)(ms|h|m|s)", text))


def format_duration(seconds: float) -> str:
    """`1h30m` for 5400; the shortest exact form, rounded to milliseconds."""
    rest = round(seconds * 1000)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_percent(value: object) -> float:
    """The fraction meant by `5`, `"5"` or `"0.5%"`. Raises ValueError outside 0 to 100 %."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not re.fullmatch(PERCENT_PATTERN, text):
        raise ValueError(f"{value!r} is {NO_PERCENT}")
    return float(text.removesuffix("%")) / 100.0


def format_percent(fraction: float) -> str:
    """`0.5%` for 0.005, with at most four decimals and none that say nothing."""
    return f"{fraction * 100:.4f}".rstrip("0").rstrip(".") + "%"


def parse_weight(value: object) -> object:
    """The weight of a step as it was written. Raises ValueError for what is neither a percentage nor `Auto`."""
    if value == "Auto" or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100):
        return value
    raise ValueError(f"{value!r} is {NO_WEIGHT}")


def parse_moment(value: object) -> float:
    """Seconds since the epoch of an RFC 3339 string; a number passes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        message = f"{value!r} is not a moment: write it like 2026-01-31T12:00:00Z"
        raise ValueError(message)  # noqa: TRY004 (the error that pydantic turns into a report)
    return datetime.fromisoformat(value).timestamp()


def moment(seconds: float) -> float:
    """The moment as it will be read back from where it is written: rounded to microseconds."""
    return round(seconds, 6)


def format_moment(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds, the form of Kubernetes' MicroTime."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _string(pattern: str, problem: str) -> dict[str, Any]:
    """The schema of a string of a form, as a CEL rule: the API server's word on a failed `pattern` is the pattern."""
    rule = {"rule": f"self != '' && self.matches('{pattern}')", "message": problem}
    return {"type": "string", "maxLength": 20, "x-kubernetes-validations": [rule]}


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema(_string(DURATION_PATTERN, NO_DURATION)),
]
LatencyBound = Annotated[
    float,
    BeforeValidator(parse_latency),
    PlainSerializer(format_duration),
    WithJsonSchema(_string(LATENCY_PATTERN, NO_LATENCY)),
]
Percent = Annotated[
    float,
    BeforeValidator(parse_percent),
    PlainSerializer(format_percent),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": 8,
            "x-kubernetes-validations": [
                {"rule": f"string(self).matches('{PERCENT_PATTERN}')", "message": NO_PERCENT},
            ],
        }
    ),
]
Moment = Annotated[
    float,
    BeforeValidator(parse_moment),
    PlainSerializer(format_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


Manifest = dict[str, Any]
"""A Kubernetes object as JSON types."""


class Model(BaseModel):
    """A value of the API: frozen, written in camelCase, tolerant of fields that a newer version knows."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    def manifest(self) -> dict[str, Any]:
        """The value as it stands in a manifest: JSON types, camelCase, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
