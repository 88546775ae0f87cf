"""What a release would find on the service's own traffic, how soon, and what to change."""

import argparse
from dataclasses import dataclass, replace
from typing import Any

from headgate.analysis import wording
from headgate.analysis.advice import Advice, advise, proof_seconds, rounded_up
from headgate.analysis.forecast import Detection, Forecast, Passage, Traffic, forecast
from headgate.analysis.walk import Course, course_of
from headgate.api.fields import format_duration, format_moment
from headgate.cli.metering import meterings
from headgate.cli.reading import Hours, moment_of, progress, prometheus_of, read, traffic_of
from headgate.cli.subject import Subject, UsageError, subject_of


@dataclass(frozen=True)
class Plan:
    """The forecast for one release, and where its numbers come from."""

    subject: Subject
    forecast: Forecast
    advice: Advice
    source: str
    notes: tuple[str, ...]


def plan_of(given: argparse.Namespace) -> Plan:
    """The plan that the options ask for. Raises UsageError and PrometheusError."""
    subject = subject_of(given)
    if not subject.spec.analysis.enabled:
        raise UsageError("spec.analysis.enabled is false: the release judges nothing, so there is nothing to plan")
    traffic, settle, source, notes = _given(given, subject) if given.rps is not None else _read(given, subject)
    course = course_of(subject.spec, settle)
    with progress("simulating releases") as said:
        found = forecast(course, traffic, releases=given.releases, said=said)
    return Plan(subject, found, advise(found), source, (*notes, *_notes(subject)))


def _given(given: argparse.Namespace, subject: Subject) -> tuple[Traffic, float, str, tuple[str, ...]]:
    """Traffic by hand."""
    if given.prometheus:
        raise UsageError("--rps and --prometheus exclude each other: give one")
    if not given.rps >= 0:
        raise UsageError("--rps must not be negative")
    metering = next(meterings(subject, given.proxy))
    traffic = Traffic(given.rps, given.errors or 0.0, given.slow, aligned=not metering.pods)
    if subject.spec.analysis.latency and given.slow is None:
        raise UsageError("the release has a latency objective: say with --slow which share of requests is slow now")
    notes = ("the dispersion of errors is not known by hand: errors are taken as independent",)
    return traffic, metering.settle, "given by hand", notes


def _read(given: argparse.Namespace, subject: Subject) -> tuple[Traffic, float, str, tuple[str, ...]]:
    """Traffic as Prometheus recorded it."""
    if not given.prometheus:
        raise UsageError("say where the traffic is recorded with --prometheus URL, or give it with --rps and --errors")
    if given.errors is not None or given.slow is not None:
        raise UsageError("--errors and --slow go with --rps: with --prometheus they are read")
    end, prometheus = moment_of(given.end), prometheus_of(given)
    try:
        reading = read(prometheus, subject, end - given.lookback, end, given.proxy)
    finally:
        prometheus.close()
    if reading.history.problem:
        raise UsageError(reading.history.problem)
    traffic, hours = traffic_of(reading)
    span = f"{format_duration(given.lookback)} up to {format_moment(end)[:16]}"
    source = f"{span} in {prometheus.endpoint.address} ({reading.metering.name})"
    return traffic, reading.metering.settle, source, tuple(_hours(subject, traffic, hours, reading.metering.settle))


def _hours(subject: Subject, traffic: Traffic, hours: Hours, settle: float) -> list[str]:
    """How much the hours differ, and what the quietest means for the first step."""
    if len(hours.rates) < 2 or hours.quietest > 0.8 * hours.busiest:
        return []
    text = f"from {wording.rounded(hours.quietest)} to {wording.rounded(hours.busiest)} requests a second by hour"
    course = course_of(subject.spec, settle)
    first = next((leg for leg in course.legs if leg.ends == "WhenSafe"), None)
    if first is None:
        return [text]
    proof = proof_seconds(course, replace(traffic, rps=hours.quietest), first.weight) if hours.quietest else None
    took = f"takes up to {rounded_up(proof)}" if proof else "can't be had"
    return [f"{text}; in the quietest hour the proof of step {first.step} {took}"]


def _notes(subject: Subject) -> list[str]:
    """What the numbers leave out."""
    spec, notes = subject.spec, list[str]()
    if spec.traffic.entry is None:
        notes.append("without a proxy a weight is the nearest share that whole pods give: the real ones may differ")
    if spec.analysis.queries:
        names = ", ".join(query.name for query in spec.analysis.queries)
        notes.append(f"queries are taken to stay within their bounds: {names}")
    if any(step.pause and step.pause.duration is None for step in spec.steps or ()):
        notes.append("pauses that wait for a person take no time here")
    return notes


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The plan for other programs: times in seconds, shares from 0 to 1."""
    found, traffic = plan.forecast, plan.forecast.traffic
    return {
        "release": plan.subject.title,
        "feasible": plan.advice.feasible,
        "advice": list(plan.advice.sentences),
        "notes": list(plan.notes),
        "traffic": {
            "source": plan.source,
            "requestsPerSecond": traffic.rps,
            "errors": traffic.errors,
            "slow": traffic.slow,
            "errorDispersion": traffic.errors_phi,
            "slowDispersion": traffic.slow_phi,
        },
        "simulatedReleases": found.releases,
        "good": {
            "endings": found.endings,
            "seconds": found.seconds,
            "steps": [_passage_as_json(one) for one in found.passages],
        },
        "bad": [_detection_as_json(one, found.course) for one in found.detections],
    }


def _passage_as_json(one: Passage) -> dict[str, Any]:
    return {
        "step": one.leg.step,
        "title": one.leg.title,
        "weight": one.leg.weight,
        "provenSafe": one.safe,
        "seconds": one.seconds,
        "nineOfTenWithin": one.slowest,
    }


def _detection_as_json(one: Detection, course: Course) -> dict[str, Any]:
    return {
        "kind": one.fault.sort,
        "factor": one.fault.factor,
        "rate": one.fault.rate,
        "fromStep": course.legs[one.fault.leg].step,
        "found": one.found,
        "askedPerson": one.asked,
        "promoted": one.promoted,
        "seconds": one.seconds,
        "requestsExposed": one.exposed,
    }
