"""What a release's policy would have decided on recorded history."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headgate.analysis.backtest import Backtest, Recording, Trial, backtest, spread
from headgate.analysis.recorded import Episode, episodes, title_at
from headgate.analysis.samples import Series
from headgate.analysis.walk import Course, course_of
from headgate.api.fields import format_moment
from headgate.cli.reading import Reading, moment_of, progress, prometheus_of, read
from headgate.cli.subject import Subject, UsageError, subject_of
from headgate.metrics.history import read_history
from headgate.metrics.prometheus import Prometheus
from headgate.metrics.source import LOOK_BACK

_SHORTEST = 600.0
_SAME_INCIDENT = 900.0
"""False rollbacks that are not further apart have one cause."""


@dataclass(frozen=True)
class Incident:
    """A stretch of time in which releases of nothing new were rolled back."""

    begin: float
    end: float
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Replay:
    """All that was replayed."""

    subject: Subject
    course: Course
    source: str
    begin: float
    end: float
    recording: Recording
    tested: Backtest
    episodes: tuple[Episode, ...]
    notes: tuple[str, ...]

    @property
    def allowed(self) -> float:
        """The share of false rollbacks that the confidence allows."""
        return 1.0 - self.course.analysis.confidence

    @property
    def kept(self) -> bool:
        """Whether the false rollbacks may be as few as the confidence promises."""
        _, low, _ = self.tested.false_share
        return low <= self.allowed

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Where in the history the false rollbacks were."""
        struck = sorted(
            (trial for trial in self.tested.finished if trial.walked.ending == "RolledBack"),
            key=lambda trial: trial.ended,
        )
        groups: list[list[Trial]] = []
        for trial in struck:
            if groups and trial.ended - groups[-1][-1].ended <= _SAME_INCIDENT:
                groups[-1].append(trial)
            else:
                groups.append([trial])
        return tuple(Incident(group[0].ended, group[-1].ended, tuple(group)) for group in groups)


def replay_of(given: argparse.Namespace) -> Replay:
    """The replay that the options ask for. Raises UsageError and PrometheusError."""
    subject = subject_of(given)
    if not subject.spec.analysis.enabled:
        raise UsageError("spec.analysis.enabled is false: the release judges nothing, so there is nothing to replay")
    if not given.prometheus:
        raise UsageError("say where the history is recorded with --prometheus URL")
    begin, end = _span(given)
    prometheus = prometheus_of(given)
    try:
        reading = read(prometheus, subject, begin - LOOK_BACK, end, given.proxy)
        series = _of_two_versions(prometheus, reading)
    finally:
        prometheus.close()
    course = course_of(subject.spec, reading.metering.settle)
    recording = reading.recording
    if not recording.between(begin, end):
        raise UsageError("there are too few samples in that time: give another --start and --end")
    with progress("replaying releases of nothing new") as said:
        tested = backtest(course, recording, spread(begin, end, given.releases), said=said)
    status = subject.release.status
    marks = status.progress.marks if status.progress else ()
    found = tuple(episodes(series, course, begin, end, marks))
    source = f"{prometheus.endpoint.address} ({reading.metering.name})"
    return Replay(subject, course, source, begin, end, recording, tested, found, tuple(_notes(reading, recording)))


def _span(given: argparse.Namespace) -> tuple[float, float]:
    begin, end = moment_of(given.start), moment_of(given.end)
    if end - begin < _SHORTEST:
        raise UsageError("--start must be at least 10m before --end")
    return begin, end


def _of_two_versions(prometheus: Prometheus, reading: Reading) -> Sequence[Series]:
    """The series of stable and candidate: where pods tell the versions apart, only if the status names both."""
    if not reading.metering.pods:
        return reading.history.series
    status = reading.subject.release.status
    if status.stable is None or status.candidate is None:
        return ()
    watch = reading.metering.watch(reading.subject, reading.end, past=False)
    return read_history(prometheus, watch, reading.begin, reading.end).series


def _notes(reading: Reading, recording: Recording) -> list[str]:
    """What the numbers leave out."""
    notes, spec = [], reading.subject.spec
    kind = "pods" if recording.pods else "proxies"
    if len(recording.units) > 1:
        notes.append(
            f"the pretended candidate was a random part of {len(recording.units)} {kind}, chosen anew each time"
        )
    else:
        notes.append("the series tell no pods: requests were split one by one, which breaks bursts of errors up")
    if reading.history.problem:
        notes.append(f"latency was left out: {reading.history.problem}")
    if recording.length > spec.analysis.interval:
        notes.append(f"scrapes are rarer than checks: a check was made every {recording.length:.0f}s")
    if spec.analysis.queries:
        notes.append(f"queries were left out: {', '.join(query.name for query in spec.analysis.queries)}")
    return notes


def replay_as_json(replay: Replay) -> dict[str, Any]:
    """The replay for other programs: times in RFC 3339 and seconds, shares from 0 to 1."""
    return {
        "release": replay.subject.title,
        "source": replay.source,
        "start": format_moment(replay.begin),
        "end": format_moment(replay.end),
        "notes": list(replay.notes),
        "nothingNew": _nothing_new_as_json(replay),
        "recorded": [_episode_as_json(replay.course, one) for one in replay.episodes],
    }


def _nothing_new_as_json(replay: Replay) -> dict[str, Any]:
    tested = replay.tested
    share, low, high = tested.false_share
    proofs = [(leg, *tested.unproven(leg.step)) for leg in replay.course.legs if leg.ends == "WhenSafe"]
    return {
        "releases": len(tested.trials),
        "finished": len(tested.finished),
        "falseRollbacks": tested.count("RolledBack"),
        "share": share,
        "interval95": [low, high],
        "allowed": replay.allowed,
        "steps": [
            {"step": leg.step, "title": leg.title, "reached": reached, "notProven": missed}
            for leg, reached, missed in proofs
        ],
        "incidents": [
            {
                "start": format_moment(one.begin),
                "end": format_moment(one.end),
                "rollbacks": len(one.trials),
                "reason": one.trials[0].walked.reason,
            }
            for one in replay.incidents
        ],
        "trials": [
            {"start": format_moment(one.begin), "ending": one.walked.ending, "seconds": one.walked.seconds}
            for one in tested.trials
        ],
    }


def _episode_as_json(course: Course, episode: Episode) -> dict[str, Any]:
    found = episode.found
    return {
        "start": format_moment(episode.begin),
        "end": format_moment(episode.end),
        "rolledBackAt": format_moment(found.interval.end) if found else None,
        "requestsExposed": episode.exposed,
        "checks": [
            {
                "at": format_moment(check.interval.end),
                "step": check.interval.step,
                "title": title_at(course, check.interval),
                "weight": check.interval.weight,
                "verdict": check.judgement.verdict,
                "reason": check.judgement.reason,
            }
            for check in episode.checks
        ],
    }
