"""What is wrong with a manifest, as sentences in the words of the API server, for readers without one."""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headgate.api.spec import Spec

_SENTENCES = {
    "missing": "required value",
    "extra_forbidden": "unknown field",
    "literal_error": "{input!r} is not supported; supported values: {expected}",
    "greater_than_equal": "{input!r} should be greater than or equal to {ge}",
    "less_than_equal": "{input!r} should be less than or equal to {le}",
    "string_too_short": "must not be empty",
    "string_too_long": "too long: may not be more than {max_length} bytes",
    "too_long": "too many: must have at most {max_length} items",
    "too_short": "must have at least {min_length} items",
    "int_type": "{input!r} must be of type integer",
    "float_type": "{input!r} must be of type number",
    "bool_type": "{input!r} must be of type boolean",
    "string_type": "{input!r} must be of type string",
    "model_type": "{input!r} must be of type object",
    "tuple_type": "{input!r} must be of type array",
}


def spec_problems(spec: object) -> list[str]:
    """What is wrong with the spec of a manifest, one sentence a field; unknown fields are wrong, too."""
    try:
        Spec.model_validate(spec, extra="forbid")
    except ValidationError as error:
        return problems_of(error, "spec")
    return []


def problems_of(error: ValidationError, root: str) -> list[str]:
    """One sentence for each finding of pydantic, with its path below `root`: `spec.steps[0].setWeight: ...`."""
    return [f"{_path(root, found['loc'])}: {_sentence(found)}" for found in error.errors(include_url=False)]


def _sentence(found: ErrorDetails) -> str:
    form = _SENTENCES.get(found["type"])
    if form is None:
        return found["msg"].removeprefix("Value error, ")
    return form.format(input=found["input"], **found.get("ctx", {}))


def _path(root: str, location: Sequence[int | str]) -> str:
    return root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
