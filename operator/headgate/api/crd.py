"""The CustomResourceDefinition, generated from the models: `python -m headgate.api.crd [FILE]` writes it.

The schema is structural (KEP-1027: no references, no unions, nothing beside the keys that the API server knows) and
every string and list is bounded, without which the API server counts CEL rules as too expensive.
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from headgate.api.fields import Manifest
from headgate.api.names import GROUP, KIND, PLURAL, SHORT_NAME, SINGULAR, VERSION
from headgate.api.rules import VALIDATIONS, Rule
from headgate.api.spec import Spec
from headgate.api.status import Status

NEVER_OBSERVED = -1
"""The generation that the status of a release which nobody has seen speaks about."""

FILE = f"crds/{GROUP}_{PLURAL}.yaml"

_KEPT = frozenset(
    {
        "additionalProperties", "description", "enum", "format", "items", "maxItems", "maxLength", "maxProperties",
        "maximum", "minItems", "minLength", "minimum", "pattern", "properties", "required", "type",
        "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys", "x-kubernetes-list-type", VALIDATIONS,
    }
)  # fmt: skip
_SAID_OTHERWISE = frozenset({"default", "title"})


ROOT_RULES = (
    Rule(
        "self.metadata.name.size() <= 63",
        "the name of a CanaryRelease has at most 63 characters: it is a label of the objects made for it",
    ),
)

_COLUMNS = (
    ("Phase", ".status.phase", "What the release is doing."),
    ("Step", ".status.summary.step", "The step it is in."),
    ("Weight", ".status.summary.weight", "Shares of the traffic of stable and candidate, in percent."),
    ("Verdict", ".status.summary.verdict", "What the comparison shows so far."),
    ("Stable", ".status.stable.image", "The version that serves."),
    ("Candidate", ".status.candidate.image", "The version being released."),
)


class _Structural(GenerateJsonSchema):
    """JSON schema in which an optional field is one that may be absent, never null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


class _Defaulted(_Structural):
    """As above, and descriptions tell the defaults.

    They are told, not set: a default that the API server writes into objects could never be improved for them.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        for name, default in schema["cls"].model_construct().manifest().items():
            field = described["properties"][name]
            if isinstance(default, str | int | float):
                shown = str(default).lower() if isinstance(default, bool) else default
                field["description"] = f"{field['description']} Default: {shown}."
        return described


def custom_resource_definition() -> Manifest:
    """The CRD of CanaryRelease."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
                "categories": ["headgate"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _root_schema()},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                },
            ],
        },
    }


def structural_schema(model: type[BaseModel], generator: type[GenerateJsonSchema] = _Structural) -> Manifest:
    """The structural schema of a model. Raises TypeError for what such a schema can't say."""
    generated = model.model_json_schema(schema_generator=generator)
    return _inlined(generated, generated.get("$defs", {}), model.__name__)


def spec_schema() -> Manifest:
    """The schema of the spec."""
    return structural_schema(Spec, _Defaulted)


def status_schema() -> Manifest:
    """The schema of the status."""
    return structural_schema(Status)


def _root_schema() -> Manifest:
    return {
        "description": "One Deployment and how its new versions are released.",
        "type": "object",
        "required": ["spec"],
        VALIDATIONS: [rule.validation for rule in ROOT_RULES],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec_schema(),
            # kstatus takes an object without observedGeneration for one that is current: none is ever without.
            "status": {**status_schema(), "default": {"observedGeneration": NEVER_OBSERVED}},
        },
    }


def _columns() -> list[Manifest]:
    shown: list[Manifest] = [
        {"name": name, "type": "string", "jsonPath": path, "description": description}
        for name, path, description in _COLUMNS
    ]
    shown.append({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})
    message = "One sentence with the numbers and the next thing to do."
    shown.append(
        {"name": "Message", "type": "string", "jsonPath": ".status.message", "description": message, "priority": 1}
    )
    return shown


def _inlined(schema: JsonSchemaValue, definitions: JsonSchemaValue, path: str) -> Manifest:
    """The schema with its references replaced by copies of what they name."""
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rsplit("/", 1)[-1]], **schema}
    found = {key: value for key, value in schema.items() if key not in _SAID_OTHERWISE and not key.startswith("$")}
    if strange := found.keys() - _KEPT:
        raise TypeError(f"{path}: a structural schema can't say {', '.join(sorted(strange))}")
    if "items" in found:
        found["items"] = _inlined(found["items"], definitions, f"{path}[]")
    if "additionalProperties" in found:
        found["additionalProperties"] = _inlined(found["additionalProperties"], definitions, f"{path}.*")
    if "properties" in found:
        found["properties"] = {
            name: _inlined(field, definitions, f"{path}.{name}") for name, field in found["properties"].items()
        }
    if "description" in found:
        found["description"] = " ".join(found["description"].split())
    if not found.get(VALIDATIONS, True):
        del found[VALIDATIONS]
    return found


class _Plain(yaml.SafeDumper):
    """YAML without anchors: equal parts are written out."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 (the signature is PyYAML's)
        return True


def as_yaml(manifest: Manifest) -> str:
    """The manifest as the text of a file."""
    text: str = yaml.dump(manifest, Dumper=_Plain, sort_keys=False, width=120)
    return (
        "# Generated by `python3 hack/generate` from the models in operator/headgate/api. Change these instead.\n"
        + text
    )


def main(arguments: list[str]) -> None:
    """Write the CRD to the file named first, or to its place in the repository."""
    path = Path(arguments[0] if arguments else FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_yaml(custom_resource_definition()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
