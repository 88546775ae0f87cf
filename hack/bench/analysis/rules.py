"""The rules that are compared: each sees what its tool sees, and may stop a release and choose its weights.

Models of the peers, in their own terms, with the settings of their documentation:

* Flagger: the success rate of the last minute against 99 %, every 30 s; a failing or empty check adds one to a counter
  that is never reset and keeps the weight; rollback at the check after the counter reached 5.
* Argo Rollouts: the same query every 30 s, aborts when more than 3 have failed; steps go on by time.
* Kayenta: at the end of each 120 s the Mann-Whitney test on the rates of each 15 s, 98 % confidence, fails when the
  candidate is higher by more than a quarter of the estimated shift.
* naive: a one-sided two-proportion z-test at 0.01 on all counts so far, at each check.
"""

from dataclasses import dataclass, field

import numpy as np

from bench.analysis.traffic import CHECK, LENGTH, STEP_TICKS, STEPS, TICK, Counts, World
from bench.analysis.vectors import RHO, alarms, bad_bets, log_mean_exp, safe_bets
from headgate.analysis.dispersion import dispersion, over_time
from headgate.analysis.evidence import SAFE_RATIOS
from headgate.analysis.policy import Policy

MINUTE = 60 // TICK
HALF_MINUTE = 30 // TICK
OBJECTIVE = 0.01
FULL = STEPS[-1]
"""The weight of the last step."""


@dataclass
class Outcome:
    """How the releases of one cell ended under one rule."""

    stopped: Counts
    """When each release was rolled back, in seconds; infinite for those that were not."""
    exposed: Counts
    """Requests that the candidate answered."""
    finished: Counts
    """When each release had taken its last step."""

    @property
    def found(self) -> float:
        """The share that was rolled back."""
        return float(np.isfinite(self.stopped).mean())

    @property
    def median(self) -> float:
        """Median seconds to the rollback, over all releases."""
        return float(np.median(self.stopped))


class Rule:
    """A rule without a memory: schedules weights by time and never stops."""

    name = ""

    def begin(self, world: World) -> None:
        self.releases = world.releases
        self.history: list[tuple[Counts, Counts, Counts, Counts]] = []

    def weights(self, at: int) -> Counts:
        return np.full(self.releases, float(STEPS[min(at // STEP_TICKS, len(STEPS) - 1)]))

    def judge(self, at: int) -> Counts | None:  # noqa: ARG002 (for the rules that judge)
        """Which releases are rolled back after tick `at`; None between the checks."""
        return None

    def window(self, ticks: int) -> tuple[Counts, Counts, Counts, Counts]:
        """Sums of the last ticks."""
        parts = self.history[-ticks:]
        x, n, y, m = (np.sum([part[place] for part in parts], axis=0) for place in range(4))
        return x, n, y, m


@dataclass
class Flagger(Rule):
    name: str = "Flagger"
    failures: int = 5
    """So many failing checks stop it at the next one."""

    def begin(self, world: World) -> None:
        super().begin(world)
        self.failed = np.zeros(self.releases)
        self.step = np.zeros(self.releases)
        self.passed = np.zeros(self.releases)

    def weights(self, at: int) -> Counts:  # noqa: ARG002 (it goes by its checks)
        return _steps(self.step)

    def judge(self, at: int) -> Counts | None:
        if (at + 1) % HALF_MINUTE:
            return None
        stop = self.failed >= self.failures
        x, n, _, _ = self.window(MINUTE)
        failing = (n == 0) | (x > OBJECTIVE * n)
        self.failed += failing
        self.passed += ~failing
        # Two checks that pass make a step of 60 s.
        self.step = self.passed // 2
        return stop


@dataclass
class ArgoRollouts(Rule):
    name: str = "Argo Rollouts"
    failures: int = 3
    """More failing checks than this stop it."""

    def begin(self, world: World) -> None:
        super().begin(world)
        self.failed = np.zeros(self.releases)

    def judge(self, at: int) -> Counts | None:
        if (at + 1) % HALF_MINUTE:
            return None
        x, n, _, _ = self.window(MINUTE)
        self.failed += (n > 0) & (x > OBJECTIVE * n)
        return self.failed > self.failures


@dataclass
class Kayenta(Rule):
    name: str = "Kayenta"
    z: float = 2.326
    """Quantile of the confidence: 98 % of both sides."""

    def judge(self, at: int) -> Counts | None:
        if (at + 1) % (2 * MINUTE):
            return None
        candidate, stable = [], []
        for begin in range(at + 1 - 2 * MINUTE, at + 1, CHECK):
            x, n, y, m = (
                np.sum([part[place] for part in self.history[begin : begin + CHECK]], axis=0) for place in range(4)
            )
            candidate.append(x / np.maximum(n, 1))
            stable.append(y / np.maximum(m, 1))
        shifts = np.sort(
            (np.array(candidate)[:, None, :] - np.array(stable)[None, :, :]).reshape(-1, self.releases), axis=0
        )
        size = len(candidate)
        rank = int(size * size / 2 - self.z * np.sqrt(size * size * (2 * size + 1) / 12))
        stop: Counts = shifts[rank] > 0.25 * np.abs(np.median(shifts, axis=0))
        return stop


@dataclass
class NaiveTest(Rule):
    name: str = "naive z-test"
    z: float = 2.326
    """Quantile of the significance: 0.01 of one side."""

    def judge(self, at: int) -> Counts | None:
        if (at + 1) % CHECK:
            return None
        x, n, y, m = self.window(len(self.history))
        pooled = (x + y) / np.maximum(n + m, 1)
        spread = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(n, 1) + 1 / np.maximum(m, 1)))
        with np.errstate(invalid="ignore", divide="ignore"):
            z = (x / np.maximum(n, 1) - y / np.maximum(m, 1)) / spread
        stop: Counts = np.nan_to_num(z) > self.z
        return stop


@dataclass
class Headgate(Rule):
    """The rule of headgate.analysis; the fields are what the bench varies."""

    name: str = "Headgate"
    policy: Policy = field(default_factory=Policy)
    alpha: float = 0.01
    most: float | None = None
    """How much what is odd for a moment may count for; half of the evidence that is needed, as in the package."""
    neighbours: int | None = None
    """How many checks that may be; as in the package 1 when both versions are scraped together, else 2."""
    odds: float | None = None
    """A step ends early when the evidence that the candidate is fine has reached these odds; by time when None."""
    ladder: tuple[float, ...] = STEPS
    """The weights, in percent."""
    shortest: float = 0.0
    longest: float = 60.0
    """Seconds of a step that ends by its odds, at least and at most."""
    check: int = CHECK
    """Ticks between two checks."""
    prior: Counts | None = None
    """Weights of the bets on each of BAD_RATIOS; equal ones when None."""
    learnt: bool = False
    """One bet alone: on the ratio that the last minute showed."""

    def begin(self, world: World) -> None:
        super().begin(world)
        self.apart = world.scenario.apart
        self.bets: list[Counts] = []
        self.seen: list[tuple[Counts, Counts, Counts, Counts]] = []
        self.phi = np.array([self._dispersion(bad, all_) for bad, all_ in zip(*world.past(), strict=True)])
        self.level = np.zeros(self.releases)
        self.assurance = np.zeros((self.releases, len(SAFE_RATIOS)))
        self.entered = np.zeros(self.releases)

    def _dispersion(self, bad: Counts, all_: Counts) -> float:
        if self.policy.dispersion:
            return self.policy.dispersion
        return dispersion(*over_time(list(zip(bad.tolist(), all_.tolist(), strict=True))))

    def weights(self, at: int) -> Counts:
        if self.odds:
            return _steps(self.level, self.ladder)
        return super().weights(at)

    def judge(self, at: int) -> Counts | None:
        # The candidate's scrape lies `apart` ticks later, so its interval does too.
        if (at + 1 - self.apart) % self.check or at + 1 < self.check + self.apart:
            return None
        candidate = self.history[at + 1 - self.check : at + 1]
        stable = self.history[at + 1 - self.check - self.apart : at + 1 - self.apart]
        x, n = (np.sum([part[place] for part in candidate], axis=0) for place in (0, 1))
        y, m = (np.sum([part[place] for part in stable], axis=0) for place in (2, 3))
        self.bets.append(bad_bets((x, n, y, m), self.policy.bad, self.phi, self._bet()))
        self.seen.append((x, n, y, m))
        if self.odds:
            self._advance(at, safe_bets((x, n, y, m), self.policy.safe, self.phi), self.odds)
        evidence = self._alarm(self.bets)
        stop: Counts = evidence >= -np.log(self.alpha)
        return stop

    def _alarm(self, bets: list[Counts]) -> Counts:
        most = -np.log(self.alpha) / 2 if self.most is None else self.most
        return alarms(bets, most, self.neighbours or (2 if self.apart else 1), self.prior)

    def _bet(self) -> Counts:
        """The ratios that are bet on in the next check: those of the package, or the one that the last minute showed.

        Only checks before it decide, so that its factor keeps its expectation.
        """
        if not self.learnt:
            return RHO
        x, n, y, m = (
            np.sum([one[place] for one in self.seen[-MINUTE // self.check :]], axis=0)
            if self.seen
            else np.zeros(self.releases)
            for place in range(4)
        )
        tolerated = self.policy.bad.ratio * (y + 1.0) / (m + 1.0) + self.policy.bad.difference
        ratio: Counts = np.where(n > 0, (x + 1.0) / (n + 1.0) / tolerated, 3.0)
        return np.clip(ratio, 1.5, 40.0)[:, None]

    def _advance(self, at: int, bets: Counts, odds: float) -> None:
        self.assurance += bets
        lasted = (at + 1 - self.entered) * TICK
        ends = (log_mean_exp(self.assurance) >= np.log(odds)) & (lasted >= self.shortest)
        ends |= lasted >= self.longest
        self.level += ends
        self.assurance[ends] = 0.0
        self.entered[ends] = at + 1


def _steps(levels: Counts, ladder: tuple[float, ...] = STEPS) -> Counts:
    """The weight of each release at its own step, counted from 0."""
    weights: Counts = np.array(ladder, dtype=float)[np.minimum(levels, len(ladder) - 1).astype(int)]
    return weights


def run(rule: Rule, world: World, length: int = LENGTH) -> Outcome:
    """Plays the releases of a world under a rule."""
    rule.begin(world)
    stopped = np.full(world.releases, np.inf)
    exposed, finished = np.zeros(world.releases), np.full(world.releases, np.inf)
    for at in range(length):
        weights = rule.weights(at)
        counts = world.tick(at, weights)
        rule.history.append(counts)
        exposed += np.where(np.isinf(stopped), counts[1], 0.0)
        finished = np.where(np.isinf(finished) & (weights >= FULL), at * TICK, finished)
        stop = rule.judge(at)
        if stop is not None:
            stopped = np.where(np.isinf(stopped) & stop.astype(bool), (at + 1.0) * TICK, stopped)
    return Outcome(stopped, exposed, finished)
