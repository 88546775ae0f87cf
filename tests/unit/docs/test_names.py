"""The words of the resource that pages use are those of the code: fields, phases, reasons, actions, metrics."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from generate.reference import CONDITION_REASONS
from headgate.api import crd, names
from headgate.api.status import Condition, Outcome, Phase
from headgate.controller.telemetry import GAUGES, Telemetry
from headgate.release.answers import ACTIONS
from headgate.release.reasons import Reason
from tests.unit.docs.pages import PAGES, ROOT, code, words

SCHEMAS = {"spec": crd.spec_schema(), "status": crd.status_schema()}
KINDS = {"CanaryRelease", "ClusterRole", "ConfigMap", "Deployment", "Ingress", "ReplicaSet", "Secret", "Service"}
OF_OTHERS = {"Current", "Degraded", "Fail", "Failed", "Healthy", "InProgress", "Suspended", "Disabled"}
"""Values of Kubernetes, kstatus and Argo CD."""
CLASSES = {"Meter", "Router", "Step"}


def schemas(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field with its path; items of lists as the list itself."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from schemas(field.get("items", field), f"{path}.{name}")


FIELDS = {path: field for root, schema in SCHEMAS.items() for path, field in schemas(schema, root)}
TOPS = {path.split(".")[1] for path in FIELDS if "." in path} | {"hold", "pause"}
WORDS = (
    KINDS
    | OF_OTHERS
    | CLASSES
    | {str(value) for field in FIELDS.values() for value in field.get("enum", ())}
    | {*get_args(Phase), *get_args(Outcome), *Reason, *CONDITION_REASONS}
    | {"Auto", "Ready", "Reconciling", "Stalled", *get_args(Condition.model_fields["status"].annotation)}
)


def values_of_chart(values: Any, path: str = "") -> Iterator[str]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield f"{path}{key}"
            yield from values_of_chart(value, f"{path}{key}.")


CHART = ROOT / "charts" / "headgate"
VALUES = set(values_of_chart(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))))
CHOICES = set(re.findall(r'"([A-Z]\w+)"', (CHART / "values.schema.json").read_text(encoding="utf-8")))
"""Words that a value of the chart can be."""


def is_field(path: str) -> bool:
    """Whether a path, or the end of one, is a field; `steps[].hold` and `steps.hold` are the same."""
    plain = path.replace("[]", "")
    return any(known == plain or known.endswith(f".{plain}") for known in FIELDS)


@pytest.mark.parametrize("page", PAGES)
def test_fields_exist(page: str) -> None:
    """`spec.analysis.interval`, `hold.max`, `admission.enabled` and the like."""
    dotted = {word.partition(":")[0].partition("=")[0] for word in words(page)}
    paths = {word for word in dotted if re.fullmatch(r"[a-z][A-Za-z]*(\[\])?(\.[a-z][A-Za-z]*(\[\])?)+", word)}
    mine = {path for path in paths if path.split(".")[0].removesuffix("[]") in TOPS | {"spec", "status"}}

    assert {path for path in mine if not is_field(path) and path not in VALUES} == set()


@pytest.mark.parametrize("page", PAGES)
def test_values_that_helm_is_given_exist(page: str) -> None:
    given = re.findall(r"--set(?:-string)? ([a-zA-Z.]+)=", code(page))

    assert {path for path in given if path not in VALUES and path.split(".")[0] != "prometheus"} == set()


@pytest.mark.parametrize("page", PAGES)
def test_words_in_capitals_exist(page: str) -> None:
    """A phase, a reason, a verdict, a value of a field; in code type, alone or after a field's name and a colon."""
    said = {
        found[1]
        for word in words(page)
        if (found := re.fullmatch(r"(?:[a-z][A-Za-z.]*: )?([A-Z][a-z]+[A-Za-z]*)", word))
    }

    assert said - WORDS - CHOICES == set()


@pytest.mark.parametrize("page", PAGES)
def test_actions_exist(page: str) -> None:
    """`retry` after the word action, and what the annotation is set to."""
    asked = re.findall(rf"{re.escape(names.ACTION_ANNOTATION)}[=:] ?([a-z]+)", code(page))

    assert set(asked) - set(ACTIONS) == set()


@pytest.mark.parametrize("page", PAGES)
def test_names_of_our_group_exist(page: str) -> None:
    known = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    known |= {f"{names.GROUP}_{names.PLURAL}.yaml", f"{names.GROUP}_{names.KIND}"}

    assert set(re.findall(r"\bheadgate\.dev[/_][\w.-]*\w", code(page))) - known == set()


@pytest.mark.parametrize("page", PAGES)
async def test_metrics_exist(page: str) -> None:
    telemetry = Telemetry()
    for name in GAUGES:
        telemetry.gauge(name, float)
    families = text_string_to_metric_families((await telemetry.text()).decode())
    known = {family.name for family in families}
    said = re.findall(r"\bheadgate_(?!dev)[a-z_]+\b", code(page))

    assert {re.sub("_(bucket|count|sum|total)$", "", name) for name in said} - known == set()
