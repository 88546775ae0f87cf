"""One tick of one release: observe, decide, act, and say when to look again."""

import logging
import math
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic

from headgate.api.release import Release
from headgate.api.status import Status
from headgate.cluster.act import Actor, StaleError
from headgate.cluster.client import ApiError, NotLeadingError
from headgate.cluster.observe import Observer
from headgate.cluster.projection import Key, Projection
from headgate.controller.checks import Checks, W
from headgate.controller.telemetry import Telemetry
from headgate.release.conditions import conditions_of
from headgate.release.decision import Decision
from headgate.release.observation import Observation

_log = logging.getLogger(__name__)

_MOST_LOOKS = 4
_FIRST_METRICS = 2.5
_FIRST_DELAY = 0.5
_MOST_DOUBLINGS = 10
_LONGEST_DELAY = 60.0
_LONGEST_DELAY_URGENT = 5.0
_FAILURES_SHOWN = 5
_MOST_REPEATS = 50

Decide = Callable[[Release, Observation, float], Decision]
Due = Callable[[Status, Status, float], float]
"""By when a status must be in the cluster: the one that it has, the new one, when one was last written."""


@dataclass(frozen=True)
class Brain(Generic[W]):
    """The pure functions that a tick calls."""

    decide: Decide
    due: Due
    watch_of: Callable[[Release, Observation], W | None]
    """What is to be read from Prometheus for a release; None while nothing is."""


@dataclass
class _Memory:
    """What the loop remembers of a release between ticks; nothing that a restart may not lose.

    `status` is as last decided, where it has more than the cluster's: small changes that were not worth a write. It
    holds for as long as the cluster's status is the one it goes with, `persisted`. At rest both are None.
    """

    status: Status | None = None
    persisted: Status | None = None
    written: float = 0.0
    failures: int = 0
    repeats: int = 0
    trouble: str = ""
    """Why the last tick failed, where that is worth telling in status."""
    urgent: bool = field(default=False)
    """The last tick was to take traffic away, or may have been."""


class Loop(Generic[W]):
    """Ticks. `at` arranges for a later one, at a moment in seconds since the epoch.

    Moments are whole microseconds, as status tells them: what was written reads back as it was.
    """

    def __init__(
        self,
        brain: Brain[W],
        *,
        projection: Projection,
        check: Callable[[Release], Release],
        observer: Observer,
        actor: Actor,
        checks: Checks[W],
        telemetry: Telemetry,
        at: Callable[[Key, float], None],
        now: Callable[[], float] = lambda: round(time.time(), 6),
    ) -> None:
        self._brain = brain
        self._projection = projection
        self._check = check
        self._observer = observer
        self._actor = actor
        self._checks = checks
        self._telemetry = telemetry
        self._at = at
        self._now = now
        self._memories: defaultdict[Key, _Memory] = defaultdict(_Memory)

    async def tick(self, key: Key) -> None:
        """Look at a release once, and arrange for the next look. Raises nothing: what fails is tried again."""
        release = self._projection.release(key)
        if release is None:
            self._forget(key)
            return
        memory = self._memories[key]
        try:
            with self._telemetry.timed():
                await self._advance(key, self._check(release), memory)
        except NotLeadingError:
            return
        except StaleError as stale:
            _log.info("%s: decided again", stale)
            self._retry(key, memory)
        except ApiError as error:
            await self._failed(key, memory, str(error), passing=error.passing)
        except Exception as error:
            _log.exception("the tick of %s/%s failed", *key)
            await self._failed(key, memory, f"internal error: {error!r}: please report it", passing=False)

    async def _advance(self, key: Key, release: Release, memory: _Memory) -> None:
        known = release
        if memory.status is not None and memory.persisted == release.status:
            known = release.model_copy(update={"status": memory.status})
        # Until it is decided: what cannot be seen now may be what takes the traffic away.
        memory.urgent = release.status.weights.candidate > 0
        observation, decision = await self._decide(key, known)
        memory.urgent = bool(decision.first)
        status = _blamed(release, decision.status, memory.trouble, self._now())
        # The wall clock may have been put back.
        memory.written = min(memory.written, self._now())
        due = self._brain.due(release.status, status, memory.written)
        write = due <= self._now()

        def written() -> None:
            memory.written = self._now()
            _log_transition(release, status)

        decided = replace(decision, status=status)
        surprised = await self._actor.carry_out(release, decided, write_status=write, written=written)
        if not write and due < math.inf:
            self._at(key, due)
        self._remember(key, memory, decision.status)
        self._watch(key, release.model_copy(update={"status": status}), observation)
        self._telemetry.show(key, status)
        recovered = bool(memory.trouble)
        memory.failures, memory.trouble = 0, ""
        self._next(key, memory, decision, at_once=decision.again or surprised or recovered)

    def _remember(self, key: Key, memory: _Memory, status: Status) -> None:
        """Keep a decided status until the next tick, where the cluster does not have all of it."""
        release = self._projection.release(key)
        kept = release is not None and release.status != status
        memory.status, memory.persisted = (status, release.status) if release and kept else (None, None)

    async def _decide(self, key: Key, release: Release) -> tuple[Observation, Decision]:
        """A decision that asks for no further facts, and the observation it was made on."""
        observation = await self._observer.observe(release)
        if self._watch(key, release, observation):
            observation = replace(observation, metrics=await self._checks.latest(key, _FIRST_METRICS))
        decision = self._brain.decide(release, observation, self._now())
        for _ in range(_MOST_LOOKS):
            if not decision.look:
                return observation, decision
            observation = await self._observer.look(release, observation, decision.look)
            decision = self._brain.decide(release, observation, self._now())
        raise RuntimeError(f"the decision still asks for {', '.join(sorted(decision.look))} after {_MOST_LOOKS} looks")

    def _watch(self, key: Key, release: Release, observation: Observation) -> bool:
        """Have Prometheus read for the release as it stands now. Returns whether it is."""
        watch = self._brain.watch_of(release, observation)
        if watch is None:
            self._checks.forget(key)
            return False
        self._checks.watch(key, watch)
        return True

    def _next(self, key: Key, memory: _Memory, decision: Decision, *, at_once: bool) -> None:
        memory.repeats = memory.repeats + 1 if at_once else 0
        if memory.repeats > _MOST_REPEATS:
            _log.warning("%s/%s asks for one look after another: slowed down", *key)
            self._at(key, self._now() + 1.0)
        elif at_once:
            self._at(key, self._now())
        elif decision.wake_at is not None:
            self._at(key, decision.wake_at)

    async def _failed(self, key: Key, memory: _Memory, sentence: str, *, passing: bool) -> None:
        """Try again later, and say so in status where it will not pass by itself or has lasted."""
        delay = self._retry(key, memory)
        _log.warning("%s", sentence, extra=_subject(key) | {"retry_in": round(delay, 1), "failures": memory.failures})
        release = self._projection.release(key)
        if release is None or sentence == memory.trouble or (passing and memory.failures < _FAILURES_SHOWN):
            return
        memory.trouble = sentence
        status = _blamed(release, release.status, sentence, self._now())
        try:
            await self._actor.write_status(release, status, release.resource_version)
            self._remember(key, memory, memory.status or release.status)
        except (ApiError, StaleError, NotLeadingError) as error:
            _log.warning("the status could not be written: %s", error, extra=_subject(key))

    def _retry(self, key: Key, memory: _Memory) -> float:
        """Arrange for the next attempt. Returns the seconds until then, fewer where traffic is to be taken away."""
        longest = _LONGEST_DELAY_URGENT if memory.urgent else _LONGEST_DELAY
        doubled = _FIRST_DELAY * 2.0 ** min(memory.failures, _MOST_DOUBLINGS)
        delay = min(longest, doubled) * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
        memory.failures += 1
        self._at(key, self._now() + delay)
        return delay

    def _forget(self, key: Key) -> None:
        self._memories.pop(key, None)
        self._checks.forget(key)
        self._telemetry.forget(key)


def _blamed(release: Release, status: Status, trouble: str, now: float) -> Status:
    """The status with the reason why Headgate cannot do what it decided; the status itself where there is none."""
    if not trouble:
        return status
    conditions = conditions_of(
        release.status.conditions, "Stalled", "Refused", trouble[:1024], generation=release.generation, now=now
    )
    return status.told(message=trouble[:1024], conditions=conditions, observed_generation=release.generation)


def _log_transition(release: Release, new: Status) -> None:
    """One line for each change of phase, step or weight."""
    old = release.status
    if (old.phase, old.step, old.weights) == (new.phase, new.step, new.weights):
        return
    _log.info(
        "%s",
        new.message,
        extra=_subject(Key(release.namespace, release.name))
        | {
            "from": old.phase,
            "to": new.phase,
            "step": new.summary.step,
            "weight": new.weights.candidate,
            "verdict": new.summary.verdict,
        },
    )


def _subject(key: Key) -> dict[str, object]:
    return {"release": f"{key.namespace}/{key.name}"}
