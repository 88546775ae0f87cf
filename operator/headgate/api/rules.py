"""Rules said once and kept twice with one sentence: by the API server as CEL in the CRD, offline by pydantic."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from headgate.api.fields import DURATION_PATTERN, PERCENT_PATTERN, Manifest, Model, parse_duration, parse_percent

VALIDATIONS = "x-kubernetes-validations"

Value = TypeVar("Value")


def _always(_: Any) -> bool:  # noqa: ANN401 (a value of any field)
    return True


@dataclass(frozen=True)
class Rule:
    """One rule; stands in a field's `Annotated` or in `Ruled.rules`.

    `cel` reads the manifest as `self`, `holds` the parsed value. A rule that compares with the object before an update
    can only be kept by the API server and has no `holds`.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool] = _always

    @property
    def validation(self) -> dict[str, str]:
        """The rule as it stands in a CRD."""
        return {"rule": self.cel, "message": self.message}

    def checked(self, value: Value) -> Value:
        """The value, when the rule holds. Raises ValueError with the rule's message."""
        if not self.holds(value):
            raise ValueError(self.message)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Manifest:
        field = handler(schema)
        return {**field, **_validations(self, after=field)}


def _validations(*rules: Rule, after: Manifest) -> Manifest:
    return {VALIDATIONS: [*after.get(VALIDATIONS, ()), *(rule.validation for rule in rules)]}


class Ruled(Model):
    """A value whose fields must fit together."""

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _obey(self) -> Self:
        for rule in self.rules:
            rule.checked(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Manifest:
        reference = handler(schema)
        model = handler.resolve_ref_schema(reference)
        model.update(_validations(*cls.rules, after=model))
        return reference


def matching(pattern: str, message: str) -> Rule:
    """A string must match a whole RE2 expression, which Python must read alike."""
    return Rule(f"self.matches('{pattern}')", message, lambda text: re.fullmatch(pattern, text) is not None)


def lasting(shortest: str, longest: str, message: str) -> Rule:
    """A duration must lie between two others, both included."""
    low, high = parse_duration(shortest), parse_duration(longest)
    within = f"duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')"
    return Rule(f"self == '' || !self.matches('{DURATION_PATTERN}') || {within}", message, lambda s: low <= s <= high)


def sharing(lowest: str, highest: str, message: str) -> Rule:
    """A percentage must lie between two others, both included."""
    low, high = parse_percent(lowest), parse_percent(highest)
    number = "double(string(self).replace('%', ''))"
    within = f"{number} >= {lowest.rstrip('%')} && {number} <= {highest.rstrip('%')}"
    return Rule(f"!string(self).matches('{PERCENT_PATTERN}') || {within}", message, lambda part: low <= part <= high)
