"""Evidence as e-values: numbers whose expectation is at most 1 if the candidate is fine.

A product of such factors over time is a test martingale, and by Ville's inequality (Ville 1939, Etude critique de la
notion de collectif; Shafer, Shen, Vereshchagin and Vovk 2011, Test martingales, Bayes factors and p-values) it ever
reaches 1/alpha with a probability of at most alpha, however often one looks. Averages of e-values are e-values (Vovk
and Wang 2021, E-values: calibration, combination and applications; Gruenwald, de Heide and Koolen 2024, Safe testing).
A factor is a bet against the null hypothesis (Shafer 2021, Testing by betting); `rho` says what is bet on: the
candidate's rate is rho times the tolerated one.

All values here are natural logarithms. A `Pair` is what one objective shows in one interval: x bad of n requests of the
candidate, y bad of m of stable. Each term is divided by the dispersion phi >= 1, which keeps the expectation of a
factor at most 1 (Jensen) and makes up for errors that come in bursts.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from headgate.analysis.policy import Tolerance

BAD_RATIOS = (1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 40.0, 1e9)
"""1e9: all errors are the candidate's, so that a spotless stable is no obstacle."""
SAFE_RATIOS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8)

_MOST_CHECKS = 1e9
_HALVINGS = 8
"""So often is a number of checks halved: to half a percent."""

Bets = tuple[float, ...]
"""One interval's log factor for each rho."""


class Pair(NamedTuple):
    """Bad and all requests of the candidate (x of n) and of stable (y of m) in one interval."""

    x: float
    n: float
    y: float
    m: float


def comparison_bets(pair: Pair, tolerance: Tolerance, phi: float = 1.0) -> Bets:
    """Against H: p_candidate <= ratio * p_stable + difference, one for each of BAD_RATIOS.

    With g = (r n + m) / (rho r n + m), u = rho g, v = g the factor is u^x v^y e^(-n d (u - 1)). Its expectation is at
    most exp((u - 1) n p_c + (v - 1) m p_s - n d (u - 1)), for 1 + t <= e^t bounds each request by itself; with p_c at
    the border the exponent is p_s (r n (u - 1) + m (v - 1)) = 0. So it holds for any split of the traffic, for rates
    that vary in time and for requests of different kinds. Assumed: given their rates, requests fail independently.
    """
    x, n, y, m = pair
    if not n or not m:
        return (0.0,) * len(BAD_RATIOS)
    r, d = tolerance.ratio, tolerance.difference
    bets = []
    for rho in BAD_RATIOS:
        g = (r * n + m) / (rho * r * n + m)
        bets.append((x * math.log(rho * g) + y * math.log(g) - n * d * (rho * g - 1.0)) / phi)
    return tuple(bets)


def similarity_bets(pair: Pair, tolerance: Tolerance, phi: float = 1.0) -> Bets:
    """Against H: p_candidate >= ratio * p_stable + difference, one for each of SAFE_RATIOS.

    As `comparison_bets` with rho < 1, thus u < 1 < v, and the factor e^(n d (1 - u)). rho = 0 bets that the candidate
    has no errors at all: one error loses that bet.
    """
    x, n, y, m = pair
    if not n or not m:
        return (0.0,) * len(SAFE_RATIOS)
    r, d = tolerance.ratio, tolerance.difference
    bets = []
    for rho in SAFE_RATIOS:
        g = (r * n + m) / (rho * r * n + m)
        errors = _lost(x, math.log(rho * g) if rho else -math.inf)
        bets.append((errors + y * math.log(g) + n * d * (1.0 - rho * g)) / phi)
    return tuple(bets)


def breach_bets(bad: float, requests: float, objective: float, phi: float = 1.0) -> Bets:
    """Against H: p <= objective, one for each of BAD_RATIOS: the likelihood ratio (Wald 1945) of a higher rate.

    The rate is p_j = min(rho p0, (1 + p0) / 2), with p0 the objective.
    A request's factor has the expectation 1 + (p - p0) (p_j - p0) / (p0 (1 - p0)), which is at most 1 for p <= p0.
    """
    return tuple((bad * hit + (requests - bad) * miss) / phi for hit, miss in _breach_stakes(objective))


def keeping_bets(bad: float, requests: float, objective: float, phi: float = 1.0) -> Bets:
    """Against H: p >= objective, one for each of SAFE_RATIOS: as `breach_bets` with p_j = rho p0."""
    return tuple((_lost(bad, hit) + (requests - bad) * miss) / phi for hit, miss in _keeping_stakes(objective))


def _lost(bad: float, hit: float) -> float:
    """What bad requests cost a bet, none of them nothing."""
    return bad * hit if bad else 0.0


@lru_cache(maxsize=64)
def _breach_stakes(p0: float) -> tuple[tuple[float, float], ...]:
    return tuple(_stakes(min(rho * p0, (1.0 + p0) / 2.0), p0) for rho in BAD_RATIOS)


@lru_cache(maxsize=64)
def _keeping_stakes(p0: float) -> tuple[tuple[float, float], ...]:
    return tuple(_stakes(rho * p0, p0) for rho in SAFE_RATIOS)


def _stakes(p: float, p0: float) -> tuple[float, float]:
    """The log likelihood ratio of one bad and of one good request at rate p against p0."""
    return (math.log(p / p0) if p else -math.inf), math.log1p(-p) - math.log1p(-p0)


def log_mean_exp(values: Sequence[float]) -> float:
    """The logarithm of the mean of exp(values), without overflow."""
    return log_sum_exp(values) - math.log(len(values))


def log_sum_exp(values: Iterable[float]) -> float:
    """The logarithm of the sum of exp(values), without overflow; minus infinity for none."""
    terms = list(values)
    top = max(terms, default=-math.inf)
    if math.isinf(top):
        return top
    return top + math.log(math.fsum(math.exp(term - top) for term in terms))


class Alarm(NamedTuple):
    """Evidence that the candidate is bad."""

    log_e: float
    onset: int
    """Index of the interval from which on the evidence is strongest."""


def alarm(bets: Sequence[Bets], most: float, aligned: Sequence[bool]) -> Alarm:
    """The evidence of all intervals, whenever the candidate became bad; what is odd for a moment counts at most `most`.

        E_t = sum over onset tau of 1/(tau (tau+1)) * mean over rho of exp(S_tau - excess_tau) + 1/(t+1)

    S_tau is the sum of the terms from tau on. The onsets' weights sum to 1, and those yet to come bet nothing
    (1/(t+1)), so that E without the excess is an e-process that finds a late regression as fast as an early one, but
    for the price of its weight (Shiryaev 1963; Shin, Ramdas and Rinaldo 2022, E-detectors). excess_tau is what the
    largest positive term has above `most`, together with the positive term of the next interval unless that one is
    `aligned`: when the versions are scraped at different moments and an incident begins in between, two neighbouring
    intervals show it in one version more than in the other. Taking it away makes E smaller, so it costs no validity.
    """
    count = len(bets)
    logs: list[float] = [-math.log(count + 1.0)]
    sums, pairs, later = [0.0] * len(BAD_RATIOS), [most] * len(BAD_RATIOS), [0.0] * len(BAD_RATIOS)
    strongest, onset = -math.inf, 0
    for index in range(count - 1, -1, -1):
        for place, bet in enumerate(bets[index]):
            gain = max(bet, 0.0)
            sums[place] += bet
            pairs[place] = max(pairs[place], gain + later[place])
            later[place] = 0.0 if aligned[index] else gain
        mean = log_mean_exp([total - pair + most for total, pair in zip(sums, pairs, strict=True)])
        weighed = mean - math.log((index + 1.0) * (index + 2.0))
        logs.append(weighed)
        if mean > strongest:
            strongest, onset = mean, index
    return Alarm(log_sum_exp(logs), onset)


def assurance(bets: Sequence[Bets]) -> float:
    """Log evidence that the candidate is fine: mean over rho of the product over the intervals."""
    return log_mean_exp(totals(bets))


def totals(bets: Sequence[Bets]) -> tuple[float, ...]:
    """The sums over the intervals, for each of SAFE_RATIOS."""
    return tuple(math.fsum(column) for column in zip(*bets, strict=True)) if bets else (0.0,) * len(SAFE_RATIOS)


def checks_needed(sums: Sequence[float], growth: Bets, log_needed: float) -> float | None:
    """How many more intervals of expected `growth` bring the evidence to `log_needed`; None when no number does."""

    def reached(count: float) -> bool:
        return log_mean_exp([total + count * rise for total, rise in zip(sums, growth, strict=True)]) >= log_needed

    if log_mean_exp(sums) >= log_needed:
        return 0.0
    low, high = 0.0, 1.0
    while not reached(high):
        low, high = high, 2.0 * high
        if high > _MOST_CHECKS:
            return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
