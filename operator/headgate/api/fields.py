"""Field types that read like Kubernetes and compute like numbers.

A duration is written `90s`, `5m`, `1h30m` and is a number of seconds; a percentage is written `5` or `0.5%` and is a
fraction of one; a moment is written in RFC 3339 and is seconds since the epoch. Arithmetic in the pure rooms is plain.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

DURATION_PATTERN = r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$"
PERCENT_PATTERN = r"^([0-9]{1,2}(\.[0-9]{1,4})?|100)%?$"

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LATENCY_PATTERN = r"^([0-9]{1,6}s)?([0-9]{1,6}ms)?$"


def parse_duration(text: object) -> float:
    """Seconds of `1h30m`, `90s` or `250ms`. Raises ValueError with the accepted form."""
    parts = re.findall(r"([0-9]+)(ms|h|m|s)", text) if isinstance(text, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write it like 90s, 5m or 1h30m")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


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
    text = str(value).removesuffix("%") if isinstance(value, str | int) and not isinstance(value, bool) else ""
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0.0 <= percent <= 100.0:
        raise ValueError(f"{value!r} is not a percentage: write a whole number from 0 to 100 or a string like 0.5%")
    return percent / 100.0


def format_percent(fraction: float) -> str:
    """`0.5%` for 0.005, with at most four decimals and none that say nothing."""
    return f"{fraction * 100:.4f}".rstrip("0").rstrip(".") + "%"


def parse_moment(value: object) -> float:
    """Seconds since the epoch of an RFC 3339 string; a number passes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        message = f"{value!r} is not a moment: write it like 2026-01-31T12:00:00Z"
        raise ValueError(message)  # noqa: TRY004 (the error that pydantic turns into a report)
    return datetime.fromisoformat(value).timestamp()


def format_moment(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds, the form of Kubernetes' MicroTime."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "minLength": 2, "maxLength": 20}),
]
LatencyBound = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": _LATENCY_PATTERN, "minLength": 2, "maxLength": 20}),
]
Percent = Annotated[
    float,
    BeforeValidator(parse_percent),
    PlainSerializer(format_percent),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": PERCENT_PATTERN, "maxLength": 9}),
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
