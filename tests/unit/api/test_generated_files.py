"""What is generated from the models is current, and the CRD says all that it must."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.api import crd
from headgate.api.fields import Model
from headgate.api.rules import VALIDATIONS

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = {"spec": crd.spec_schema(), "status": crd.status_schema()}


def fields_of(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field below a schema with its path."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields_of(field.get("items", field), f"{path}.{name}")


FIELDS = dict(field for root, schema in SCHEMAS.items() for field in fields_of(schema, root))


def test_every_generated_file_is_current() -> None:
    """crds/, the chart's copy of it and its README, docs/reference."""
    command = [sys.executable, "hack/generate", "--check"]
    check = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert check.returncode == 0, check.stdout + check.stderr


def test_the_module_writes_the_crd_where_it_is_told(tmp_path: Path) -> None:
    crd.main([str(tmp_path / "crds" / "crd.yaml")])

    written = yaml.safe_load((tmp_path / "crds" / "crd.yaml").read_text())
    assert written == crd.custom_resource_definition()


@pytest.mark.parametrize("path", FIELDS)
def test_every_field_is_described_in_a_sentence(path: str) -> None:
    description = FIELDS[path].get("description", "")

    assert description[-1:] == "."


@pytest.mark.parametrize("path", FIELDS)
def test_every_string_and_list_is_bounded(path: str) -> None:
    """Without a bound the API server counts a CEL rule on it as too expensive, and etcd takes what it is given."""
    field = FIELDS[path]

    if field.get("type") == "array":
        assert "maxItems" in field
    if field.get("type") == "string" and "enum" not in field and "format" not in field:
        assert "maxLength" in field


@pytest.mark.parametrize("path", [path for path in FIELDS if path.startswith("spec.")])
def test_no_default_is_written_into_objects(path: str) -> None:
    """A default in the schema would stay in every object that it was written into."""
    assert "default" not in FIELDS[path]


def test_defaults_are_told_in_descriptions() -> None:
    told = {
        path: match[1]
        for path, field in FIELDS.items()
        if (match := re.search(r"Default: (.+)\.$", field["description"]))
    }

    assert told["spec.analysis.interval"] == "15s"
    assert told["spec.analysis.confidence"] == "99%"
    assert told["spec.analysis.enabled"] == "true"
    assert told["spec.capacity.headroom"] == "0%"
    assert told["spec.targetRef.apiVersion"] == "apps/v1"


def test_messages_of_rules_are_one_line_without_a_full_stop() -> None:
    """The API server puts them behind the path and the value, often several in a list."""
    schemas = [*FIELDS.values(), *(field["items"] for field in FIELDS.values() if "items" in field), *SCHEMAS.values()]
    messages = [rule["message"] for schema in schemas for rule in schema.get(VALIDATIONS, ())]

    assert len(messages) > 30
    assert [message for message in messages if "\n" in message or message.endswith(".") or len(message) > 240] == []


def test_what_a_structural_schema_cannot_say_is_an_error() -> None:
    class Numbered(Model):
        pair: tuple[int, str]

    class Either(Model):
        value: int | str

    for model in (Either, Numbered):
        with pytest.raises(TypeError, match="a structural schema can't say"):
            crd.structural_schema(model)
