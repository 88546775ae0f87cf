"""What a page shows as YAML can be applied: releases, parts of their specs, values of the chart."""

from typing import Any

import pytest
import yaml

from headgate.api.names import API_VERSION, KIND
from headgate.api.problems import spec_problems
from headgate.api.release import read_release
from headgate.api.spec import Analysis, Spec
from headgate.metrics.endpoint import Endpoint
from tests.unit.docs.pages import PAGES, ROOT, documents

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
VALUES = yaml.safe_load((ROOT / "charts/headgate/values.yaml").read_text(encoding="utf-8"))
SMALLEST = {"targetRef": {"kind": "Deployment", "name": "shop"}}


def fields_of(model: type[Spec | Analysis]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def problems_of(document: dict[str, Any]) -> list[str]:
    """What is wrong with a release, or with a part of a spec shown by itself; nothing is, of anything else."""
    if document.get("kind") == KIND:
        return _release_problems(document)
    if set(document) == {"spec"} and set(document["spec"]) <= fields_of(Spec):
        return spec_problems({**SMALLEST, **document["spec"]})
    if document and set(document) <= fields_of(Spec):
        return spec_problems({**SMALLEST, **document})
    return []


def _release_problems(manifest: dict[str, Any]) -> list[str]:
    found = spec_problems(manifest.get("spec"))
    if manifest.get("apiVersion") != API_VERSION:
        found.append(f"apiVersion: must be {API_VERSION}")
    problem = read_release({**manifest, "metadata": {"namespace": "default", **manifest["metadata"]}}).problem
    return [*found, problem] if problem else found


@pytest.mark.parametrize("page", PAGES)
def test_releases_and_parts_of_them_are_valid(page: str) -> None:
    assert [problem for document in documents(page) for problem in problems_of(document)] == []


@pytest.mark.parametrize("page", PAGES)
def test_values_of_the_chart_exist(page: str) -> None:
    """A mapping with the chart's own keys is a part of its values."""
    shown = [document for document in documents(page) if set(document) <= set(VALUES) - fields_of(Spec)]
    unknown = [path for document in shown for path in _unknown(document, VALUES, "")]
    endpoints = [item for document in shown for item in document.get("prometheus", {}).values()]

    assert unknown == []
    for endpoint in endpoints:
        Endpoint.model_validate({key: value for key, value in endpoint.items() if key != "secretName"})


def _unknown(given: Any, known: Any, path: str) -> list[str]:
    """The paths of given values that the chart does not have; names of Prometheus servers are the reader's."""
    if not isinstance(given, dict) or not isinstance(known, dict) or not known or path == "prometheus":
        return []
    missing = [f"{path}.{key}" for key in given if key not in known]
    return missing + [
        found
        for key in set(given) & set(known)
        for found in _unknown(given[key], known[key], f"{path}.{key}".strip("."))
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid(example: Any) -> None:
    manifests = list(yaml.safe_load_all(example.read_text(encoding="utf-8")))

    assert all(item["apiVersion"] and item["kind"] and item["metadata"]["name"] for item in manifests)
    assert [problem for manifest in manifests for problem in problems_of(manifest)] == []


def test_there_is_something_to_check() -> None:
    """So that a change of how pages are written does not leave these tests with nothing to see."""
    found = [document for page in PAGES for document in documents(page)]

    assert len([document for document in found if document.get("kind") == KIND]) >= 2
    assert len([document for document in found if "steps" in document or "analysis" in document]) >= 2
    assert problems_of({"steps": [{"setWeight": 50}, {"setWeight": 5}]}) != []
    assert problems_of({"kind": KIND, "apiVersion": API_VERSION, "metadata": {"name": "a"}, "spec": {}}) != []
