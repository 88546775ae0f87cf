"""The demo tells a run as it was: outcomes, times, lost requests, the picture and a screen that fits."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from demo import record
from demo.balance import balance
from demo.lines import Lines
from demo.picture import picture
from demo.record import Entry, Note, Odds, Outcome, Released, Requests, Route, State
from demo.screen import draw
from demo.story import Story

BEGIN = 1_000_000.0
LONG = (
    "errors: candidate 20 of 375 failed, stable 0 of 1,125; 270 times the tolerated rate of 0.020%; evidence 43,000 : 1"
)


def requests(at: int, lost: int = 0, **answers: int) -> Requests:
    """A second of requests; `v5=30, v5_500=2` are 30 good answers of shop:1.5.0 and 2 errors."""
    named = {f"shop:1.{key[1]}.0 {key.partition('_')[2] or 200}": count for key, count in answers.items()}
    return Requests(BEGIN + at, sum(answers.values()) + lost, lost, named)


def released(at: int, stable: int, candidate: int, expected: str) -> Released:
    return Released(BEGIN + at, f"shop:1.{stable}.0", f"shop:1.{candidate}.0", "a version", expected)


def moving(at: float, stage: str, since: float, **status: Any) -> State:
    """A status of a release that moves."""
    outcome = status.pop("outcome", None)
    progress = {"stage": stage, "since": BEGIN + since, "startedAt": BEGIN, "service": "shop", "outcome": outcome}
    step = {"index": 1, "of": 2, "name": "weight 25"}
    return State(BEGIN + at, {"phase": "Progressing", "message": stage, "step": step, "progress": progress, **status})


def ended(at: float, started: float, outcome: str, phase: str, message: str = "the end") -> State:
    last = {"revision": "r", "outcome": outcome, "startedAt": BEGIN + started, "finishedAt": BEGIN + at}
    return State(BEGIN + at, {"phase": phase, "message": message, "history": [last]})


PROMOTED: list[Entry] = [
    released(0, 4, 5, "Promoted"),
    moving(1, "Step", 1),
    Route(BEGIN + 2, 25),
    *(requests(second, v4=75, v5=25) for second in range(3, 10)),
    Odds(BEGIN + 9, 0.8),
    moving(10, "Fill", 9.5),
    Route(BEGIN + 11, 100),
    moving(12, "Switch", 12),
    requests(13, v5=100),
    Route(BEGIN + 14, None),
    Note(BEGIN + 15, "Promoted", "shop:1.5.0 serves", False),
    ended(15, 1, "Promoted", "Succeeded"),
]
BAD_EVIDENCE = {"evidence": [{"objective": "errors", "verdict": "Bad", "requests": 375, "message": LONG}]}
ROLLED_BACK: list[Entry] = [
    released(20, 5, 6, "RolledBack"),
    moving(21, "Step", 21),
    Route(BEGIN + 22, 25),
    *(requests(second, v5=75, v6=20, v6_500=5) for second in range(23, 30)),
    Route(BEGIN + 30.5, None),
    moving(31, "Return", 30.25, outcome="RolledBack", message=LONG, **BAD_EVIDENCE),
    requests(32, v5=100),
    Note(BEGIN + 32, "Bad", LONG, True),
    ended(33, 21, "RolledBack", "RolledBack", LONG),
    requests(34, v5=100),
]


def told(entries: Iterable[Entry]) -> Story:
    story = Story()
    for entry in entries:
        story.add(entry)
    return story


def test_a_run_as_planned_has_no_problem_and_its_times_are_those_of_the_record() -> None:
    outcome = balance(told([*PROMOTED, *ROLLED_BACK]), BEGIN + 34)

    good, bad = outcome.releases
    assert outcome.problems == []
    assert (good["verdict"], good["to_verdict"], good["to_promotion"]) == ("Safe", 9.5, 15)
    assert (bad["verdict"], bad["to_verdict"], bad["to_rollback"], bad["to_promotion"]) == ("Bad", 10.25, 10.5, None)
    assert bad["verdict_to_rollback"] == 0.25


def test_every_request_is_counted_by_who_answered_it_and_how() -> None:
    outcome = balance(told([*PROMOTED, *ROLLED_BACK]), BEGIN + 34)

    assert (outcome.sent, outcome.lost, outcome.errors) == (1700, 0, 35)
    assert [(release["served"], release["errors"]) for release in outcome.releases] == [(275, 0), (175, 35)]


def test_a_lost_request_is_a_problem() -> None:
    story = told([*PROMOTED, *ROLLED_BACK, requests(35, lost=2, v5=98)])

    assert balance(story, BEGIN + 35).problems == ["2 of 1,800 requests were lost"]


def test_a_good_version_that_is_rolled_back_is_a_problem() -> None:
    wrong = [ROLLED_BACK[0], *ROLLED_BACK[1:]]
    wrong[0] = released(20, 5, 6, "Promoted")

    problems = balance(told([*PROMOTED, *wrong]), BEGIN + 34).problems

    assert problems == [f"shop:1.6.0 should have been Promoted but is RolledBack: {LONG}"]


def test_a_run_that_broke_off_is_a_problem() -> None:
    problems = balance(told(PROMOTED[:5]), BEGIN + 5).problems

    assert problems == [
        "shop:1.5.0 should have been Promoted but is not ended: Step",
        "1 of 2 releases did not take place",
    ]


def test_an_ingress_that_goes_when_the_service_leads_to_the_candidate_takes_no_traffic_from_it() -> None:
    weights = told(PROMOTED).acts[0].weights

    assert [weight.weight for weight in weights] == [25, 100, 0]
    assert weights[-1].at == BEGIN + 15, "weight 0 comes with the end of the release, not with the Ingress's"


def test_a_record_reads_as_it_was_written(tmp_path: Path) -> None:
    entries = [*PROMOTED, *ROLLED_BACK, Outcome(BEGIN, 1, 0, 0, [{"version": "shop:1.5.0", "sent": 1}], [])]
    with (tmp_path / "record.jsonl").open("w") as file:
        for entry in entries:
            record.write(entry, file)

    assert list(record.read(tmp_path / "record.jsonl")) == entries


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_screen_fits_at_every_moment(size: tuple[int, int]) -> None:
    width, height = size
    entries = [*PROMOTED, *ROLLED_BACK]
    for count in range(len(entries) + 1):
        console = Console(width=width, height=height, file=io.StringIO(), record=True)
        console.print(draw(told(entries[:count]), BEGIN + 34, width, height))
        drawn = console.export_text().splitlines()

        assert len(drawn) <= height, "\n".join(drawn)
        assert max(map(len, drawn)) <= width


def test_the_screen_marks_the_step_at_which_a_version_was_found_bad() -> None:
    steps = dict(told([*PROMOTED, *ROLLED_BACK]).acts[1].marked_steps())

    assert (steps["weight 25"], steps["weight 50"]) == ("failed", "next")
    assert set(dict(told(PROMOTED).acts[0].marked_steps()).values()) == {"done"}


def test_plain_lines_say_a_sentence_once_though_status_and_event_both_have_it() -> None:
    out, story = io.StringIO(), Story()
    lines = Lines(out)
    for entry in [*PROMOTED, *ROLLED_BACK]:
        story.add(entry)
        lines.show(story, entry)

    assert out.getvalue().count(LONG) == 1
    assert "Promoted: shop:1.5.0 serves" in out.getvalue()


def test_the_picture_names_the_versions_and_what_happened() -> None:
    texts = [element.text for element in ET.fromstring(picture(told([*PROMOTED, *ROLLED_BACK]))).iter()]  # noqa: S314

    for text in ("shop:1.5.0 released", "25 %", "100 %", "promoted", "found bad:", "0 % after 0.25 s"):
        assert text in texts
    assert "1,700 requests, none lost, 35 answered with an error." in texts


def test_a_record_without_requests_makes_no_picture() -> None:
    with pytest.raises(ValueError, match="holds no requests"):
        picture(Story())
