"""What the code tells and what docs/reference says that it tells are the same: events, conditions, metrics, logs."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from generate.reference import CONDITION_REASONS
from generate.signals import LOG_FIELDS
from headgate.api.status import Outcome
from headgate.controller.telemetry import GAUGES
from headgate.release.answers import ACTIONS
from headgate.release.reasons import Reason
from tests.unit.docs.pages import ROOT, text_of

PACKAGE = ROOT / "operator" / "headgate"
RELEASE = [path for path in (PACKAGE / "release").glob("*.py") if path.name != "reasons.py"]


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def nodes(*paths: Path) -> Iterator[ast.AST]:
    for path in paths:
        yield from nodes_of(path)


def calls(method: str, *paths: Path) -> list[ast.Call]:
    """The calls of a method or function of this name."""
    return [
        node
        for node in nodes(*paths)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", "") == method or getattr(node.func, "id", "") == method)
    ]


def literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_said_somewhere(reason: Reason) -> None:
    said = {node.attr for node in nodes(*RELEASE) if isinstance(node, ast.Attribute)}

    assert reason.name in said


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_reads_well_in_kubectl(reason: Reason) -> None:
    """One CamelCase word that is short enough for its column, and sentences beside it."""
    assert reason.value.isalpha()
    assert reason.value[0].isupper()
    assert len(reason) <= 16
    assert [sentence for sentence in (reason.when, reason.then) if not sentence.endswith(".")] == []


def test_every_reason_of_a_condition_has_its_row_with_its_phases() -> None:
    said: dict[str, set[str]] = {"Refused": set()}  # said by the loop, which keeps the phase
    for call in calls("say", *RELEASE):
        phase, reason = literal(call.args[0]), literal(call.args[1])
        for name in [reason] if reason else [one for one in get_args(Outcome) if one != "Promoted"]:
            said.setdefault(name, set()).update({phase} if phase else set())

    assert {name: set(phases) >= said[name] for name, (phases, _) in CONDITION_REASONS.items()} == dict.fromkeys(
        said, True
    )


def test_every_gauge_of_the_process_is_read() -> None:
    read = {literal(call.args[0]) for call in calls("gauge", PACKAGE / "controller" / "app.py")}

    assert read == set(GAUGES)


def test_only_one_module_makes_metrics() -> None:
    """docs/reference/metrics.md is made from what that one tells."""
    makers = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prometheus_client")
        if [name for name in node.names if name.name != "CONTENT_TYPE_LATEST"]
    }

    assert makers == {"telemetry.py"}


def test_every_field_of_a_log_line_is_told() -> None:
    every_line = {"time", "level", "logger", "message", "exc_info", "object"}
    added = {
        key.value
        for path in PACKAGE.rglob("*.py")
        for call in nodes(path)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "extra"
        for node in ast.walk(keyword.value)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }

    assert set(LOG_FIELDS) == every_line | added | {"release"}  # a line about a release says which, by `_subject`


def test_every_action_stands_in_the_reference() -> None:
    section = text_of("docs/reference/spec.md").partition("## Actions")[2]
    rows = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}

    assert rows == set(ACTIONS)
