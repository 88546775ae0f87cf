"""The health script for Argo CD, run by the Lua version that Argo CD embeds (5.1)."""

from pathlib import Path
from typing import Any, get_args

import pytest
from lupa.lua51 import LuaRuntime

from headgate.api.status import Phase, Status
from headgate.release.conditions import conditions_of

SCRIPT = Path(__file__).resolve().parents[3] / "charts" / "headgate" / "files" / "argocd-health.lua"

HEALTH: dict[Phase, str] = {
    "Idle": "Healthy",
    "Succeeded": "Healthy",
    "Progressing": "Progressing",
    "Promoting": "Progressing",
    "RollingBack": "Progressing",
    "Paused": "Suspended",
    "RolledBack": "Degraded",
    "Stalled": "Degraded",
}


def health_of(manifest: dict[str, Any]) -> tuple[str, str]:
    """Status and message that Argo CD shows for the object."""
    lua = LuaRuntime(unpack_returned_tuples=False)
    lua.globals()["obj"] = lua.table_from(manifest, recursive=True)
    found: Any = lua.execute(SCRIPT.read_text())
    return found["status"], found["message"]


def release_in(phase: Phase, *, generation: int = 3, observed: int = 3) -> dict[str, Any]:
    """A CanaryRelease in a phase, with the conditions that Headgate writes for it."""
    conditions = conditions_of((), phase, phase, "why", generation=observed, now=0.0)
    status = Status(observed_generation=observed, phase=phase, message="what to do", conditions=conditions)
    return {"metadata": {"generation": generation}, "status": status.manifest()}


@pytest.mark.parametrize("phase", get_args(Phase))
def test_each_phase_has_the_health_of_the_status_contract(phase: Phase) -> None:
    assert health_of(release_in(phase)) == (HEALTH[phase], "what to do")


@pytest.mark.parametrize("phase", ["Succeeded", "RolledBack"])
def test_a_status_of_an_older_spec_is_never_the_last_word(phase: Phase) -> None:
    """Given a change that Headgate has not seen, a sync must wait and not read the verdict of the release before."""
    status, _ = health_of(release_in(phase, generation=4))

    assert status == "Progressing"


@pytest.mark.parametrize("manifest", [{"metadata": {"generation": 1}}, {"metadata": {"generation": 1}, "status": {}}])
def test_a_new_release_is_in_progress(manifest: dict[str, Any]) -> None:
    assert health_of(manifest)[0] == "Progressing"
