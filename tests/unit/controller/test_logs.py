"""Log lines: one JSON object each."""

import json
import logging
from collections.abc import Iterator

import pytest

from headgate.controller import logs


@pytest.fixture(autouse=True)
def root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_record_is_one_line_with_what_it_adds(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logging.getLogger("headgate.x").info("%s to shop:2", "5 %", extra={"release": "prod/shop", "weight": 5})
    line = lines(capsys)[0]
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "headgate.x",
        "message": "5 % to shop:2",
        "release": "prod/shop",
        "weight": 5,
    }


def test_an_exception_is_still_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logging.getLogger("headgate.x").error("it failed", exc_info=ValueError("two\nlines"))
    found = lines(capsys)
    assert len(found) == 1
    assert "two\nlines" in str(found[0]["exc_info"])


def test_what_is_below_the_level_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING")
    logging.getLogger("headgate.x").info("no")
    assert lines(capsys) == []


def test_kopf_says_only_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    """It reports each handler of each event otherwise."""
    logs.configure("DEBUG")
    logging.getLogger("kopf.objects").info("Handler 'take_in' succeeded.", extra={"k8s_ref": {"name": "shop"}})
    logging.getLogger("kopf._core.reactor").debug("Starting the watch-stream")
    logging.getLogger("kopf._cogs.clients").warning("Non-watchable resources")
    assert [line["message"] for line in lines(capsys)] == ["Non-watchable resources"]
