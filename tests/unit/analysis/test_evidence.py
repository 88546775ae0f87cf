"""The e-values: expectations by enumeration, Ville's bound by simulation, and what they are invariant to."""

import math
import random
from collections.abc import Callable, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.analysis.evidence import (
    BAD_RATIOS,
    SAFE_RATIOS,
    Bets,
    Pair,
    alarm,
    assurance,
    breach_bets,
    checks_needed,
    comparison_bets,
    keeping_bets,
    log_mean_exp,
    similarity_bets,
    totals,
)
from headgate.analysis.policy import Policy, Tolerance

BAD, SAFE = Policy().bad, Policy().safe
PLAIN = Tolerance(1.0, 0.0)
HALF = math.log(100) / 2
"""Half of what the default confidence needs."""


def binomial(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


def expectation(bets: Callable[[Pair], Bets], n: int, m: int, p: float, q: float) -> list[float]:
    """The exact expectation of each factor for binomial errors."""
    sums = [0.0] * len(bets(Pair(0, n, 0, m)))
    for x, y in product(range(n + 1), range(m + 1)):
        chance = binomial(x, n, p) * binomial(y, m, q)
        for place, bet in enumerate(bets(Pair(x, n, y, m))):
            sums[place] += chance * math.exp(bet)
    return sums


@pytest.mark.parametrize("phi", [1.0, 3.0])
@pytest.mark.parametrize("tolerance", [BAD, PLAIN])
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2, 0.7])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 12), (10, 10), (12, 2)])
def test_a_bet_on_bad_does_not_pay_if_the_candidate_is_tolerable(
    n: int, m: int, rate: float, tolerance: Tolerance, phi: float
) -> None:
    worst = min(1.0, tolerance.ratio * rate + tolerance.difference)
    for candidate in (worst, worst / 2, 0.0):
        found = expectation(lambda pair: comparison_bets(pair, tolerance, phi), n, m, candidate, rate)

        assert max(found) <= 1 + 1e-9, (candidate, found)


@pytest.mark.parametrize("phi", [1.0, 3.0])
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2, 0.5])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 12), (10, 10), (12, 2)])
def test_a_bet_on_safe_does_not_pay_if_the_candidate_is_intolerable(n: int, m: int, rate: float, phi: float) -> None:
    least = SAFE.ratio * rate + SAFE.difference
    for candidate in (least, (1 + least) / 2, 1.0):
        found = expectation(lambda pair: similarity_bets(pair, SAFE, phi), n, m, candidate, rate)

        assert max(found) <= 1 + 1e-9, (candidate, found)


@pytest.mark.parametrize("objective", [0.001, 0.01, 0.3, 0.9])
@pytest.mark.parametrize("n", [1, 5, 40])
def test_bets_on_the_objective_pay_only_on_their_side(n: int, objective: float) -> None:
    for factor in (0.0, 0.5, 1.0):
        below = expectation(lambda pair: breach_bets(pair.x, pair.n, objective), n, 0, objective * factor, 0.0)
        assert max(below) <= 1 + 1e-9
        above = min(1.0, objective / factor if factor else 1.0)
        kept = expectation(lambda pair: keeping_bets(pair.x, pair.n, objective), n, 0, above, 0.0)
        assert max(kept) <= 1 + 1e-9


def test_rates_that_differ_between_kinds_of_requests_do_not_break_the_bound() -> None:
    """Two kinds of requests, one always failing: the mean over the requests is what counts."""
    n, m = 6, 6
    sums = [0.0] * len(BAD_RATIOS)
    for x, y in product(range(4), range(4)):
        chance = binomial(x, 3, 0.1) * binomial(y, 3, 0.1)
        for place, bet in enumerate(comparison_bets(Pair(3 + x, n, 3 + y, m), PLAIN)):
            sums[place] += chance * math.exp(bet)

    assert max(sums) <= 1 + 1e-9


def simulate(rng: random.Random, checks: int, n: int, m: int, p: float, q: float) -> list[Pair]:
    def draw(requests: int, rate: float) -> int:
        return sum(rng.random() < rate for _ in range(requests))

    return [Pair(draw(n, p), n, draw(m, q), m) for _ in range(checks)]


@pytest.mark.parametrize("alpha", [0.2, 0.05])
def test_a_tolerable_candidate_is_rarely_ever_called_bad(alpha: float, rng: random.Random) -> None:
    """Ville: looking after each of 30 checks, at the border of the tolerance, at most alpha are called bad."""
    called, runs = 0, 150
    for _ in range(runs):
        pairs = simulate(rng, 30, 20, 40, 0.1 * BAD.ratio + BAD.difference, 0.1)
        bets = [comparison_bets(pair, BAD) for pair in pairs]
        called += any(alarm(bets[:count], HALF, [True] * 30).log_e >= -math.log(alpha) for count in range(1, 31))

    assert called / runs <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


def test_an_intolerable_candidate_is_rarely_ever_certified(rng: random.Random) -> None:
    certified, runs = 0, 400
    for _ in range(runs):
        pairs = simulate(rng, 30, 20, 40, 0.1 * 1.5 + 0.005, 0.1)
        bets = [similarity_bets(pair, SAFE) for pair in pairs]
        certified += any(assurance(bets[:count]) >= math.log(20) for count in range(1, 31))

    assert certified / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def largest_oddity(column: Sequence[float], aligned: Sequence[bool]) -> float:
    gains = [max(bet, 0.0) for bet in column]
    following = [0.0 if together else gain for gain, together in zip(gains, aligned, strict=False)]
    return max(map(sum, zip(gains, [*following[1:], 0.0], strict=True)))


def definition(bets: Sequence[Bets], most: float, aligned: Sequence[bool]) -> float:
    """E_t as its formula stands, every onset and every rho by itself."""
    t = len(bets)
    total = 1 / (t + 1)
    for tau in range(1, t + 1):
        columns = [[bet[place] for bet in bets[tau - 1 :]] for place in range(len(BAD_RATIOS))]
        sums = [sum(column) - max(0.0, largest_oddity(column, aligned[tau - 1 :]) - most) for column in columns]
        total += sum(map(math.exp, sums)) / len(sums) / (tau * (tau + 1))
    return math.log(total)


pairs = st.builds(
    lambda n, m, x, y: Pair(float(min(x, n)), float(n), float(min(y, m)), float(m)),
    st.integers(0, 200), st.integers(0, 2000), st.integers(0, 30), st.integers(0, 60),
)  # fmt: skip
histories = st.lists(pairs, max_size=30)


@given(histories, st.floats(0.0, 5.0), st.lists(st.booleans(), min_size=30, max_size=30))
def test_the_running_sums_equal_the_definition(history: list[Pair], most: float, aligned: list[bool]) -> None:
    bets = [comparison_bets(pair, BAD) for pair in history]

    assert alarm(bets, most, aligned).log_e == pytest.approx(definition(bets, most, aligned), abs=1e-9)


@given(histories, st.floats(0.0, 5.0))
def test_limiting_neighbours_never_adds_evidence(history: list[Pair], most: float) -> None:
    """So the limited evidence keeps the bound of the e-process that it comes from."""
    bets = [comparison_bets(pair, BAD) for pair in history]

    dropped, limited = alarm(bets, 0.0, [False] * 30).log_e, alarm(bets, most, [False] * 30).log_e
    together = alarm(bets, most, [True] * 30).log_e

    assert dropped - 1e-9 <= limited <= together + 1e-9
    assert together <= definition(bets, 1e6, [True] * 30) + 1e-9


@given(histories, pairs, pairs)
def test_no_two_neighbouring_intervals_make_a_candidate_bad(history: list[Pair], last: Pair, next_: Pair) -> None:
    calm = [comparison_bets(Pair(0.0, pair.n, pair.y, pair.m), BAD) for pair in history]
    odd = [comparison_bets(last, BAD), comparison_bets(next_, BAD)]

    assert alarm([*calm, *odd, *calm], HALF, [False] * 62).log_e < HALF + 1e-9


@given(histories, pairs)
def test_no_single_interval_makes_a_candidate_bad(history: list[Pair], last: Pair) -> None:
    calm = [comparison_bets(Pair(0.0, pair.n, pair.y, pair.m), BAD) for pair in history]

    assert alarm([*calm, comparison_bets(last, BAD), *calm], HALF, [True] * 61).log_e < HALF + 1e-9


@given(histories, st.randoms())
def test_the_order_of_the_intervals_of_a_step_does_not_matter_for_safe(
    history: list[Pair], random: random.Random
) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)

    assert assurance([similarity_bets(pair, SAFE) for pair in shuffled]) == pytest.approx(
        assurance([similarity_bets(pair, SAFE) for pair in history])
    )


@given(pairs, st.floats(1.0, 5.0))
def test_more_errors_of_the_candidate_are_more_evidence(pair: Pair, phi: float) -> None:
    if pair.x >= pair.n:
        return
    worse = pair._replace(x=pair.x + 1)

    assert all(
        more >= less
        for more, less in zip(comparison_bets(worse, BAD, phi), comparison_bets(pair, BAD, phi), strict=True)
    )
    assert all(
        more <= less
        for more, less in zip(similarity_bets(worse, SAFE, phi), similarity_bets(pair, SAFE, phi), strict=True)
    )


@given(pairs)
def test_more_errors_of_stable_are_less_evidence(pair: Pair) -> None:
    if pair.y >= pair.m:
        return
    worse = pair._replace(y=pair.y + 1)

    assert all(less <= more for less, more in zip(comparison_bets(worse, BAD), comparison_bets(pair, BAD), strict=True))


@given(pairs)
def test_a_larger_dispersion_pulls_every_bet_towards_nothing(pair: Pair) -> None:
    for once, halved in zip(comparison_bets(pair, BAD), comparison_bets(pair, BAD, 2.0), strict=True):
        assert halved == pytest.approx(once / 2)


@pytest.mark.parametrize("pair", [Pair(0, 0, 5, 100), Pair(5, 100, 0, 0), Pair(0, 0, 0, 0)])
def test_without_requests_of_both_there_is_no_evidence(pair: Pair) -> None:
    assert set(comparison_bets(pair, BAD)) == {0.0}
    assert set(similarity_bets(pair, SAFE)) == {0.0}


def test_an_incident_that_hits_both_versions_cancels() -> None:
    calm, incident = Pair(1, 200, 9, 1800), Pair(100, 200, 900, 1800)

    found = alarm(
        [comparison_bets(pair, BAD) for pair in [calm] * 10 + [incident] * 4 + [calm] * 10], HALF, [True] * 24
    )

    assert found.log_e < 0


def test_a_late_regression_is_found_within_a_minute() -> None:
    """After a good hour, one minute at twenty times the rate."""
    good, bad = Pair(1, 200, 9, 1800), Pair(20, 200, 9, 1800)

    found = alarm([comparison_bets(pair, BAD) for pair in [good] * 240 + [bad] * 4], HALF, [True] * 244)

    assert found.log_e >= math.log(100)
    assert found.onset in range(239, 242)


def test_without_any_check_nothing_is_known() -> None:
    assert alarm([], HALF, []).log_e == 0.0
    assert assurance([]) == 0.0


def test_one_error_loses_the_bet_on_a_spotless_candidate() -> None:
    assert similarity_bets(Pair(1, 10, 0, 10), SAFE)[0] == -math.inf
    assert math.isfinite(assurance([similarity_bets(Pair(1, 10, 0, 10), SAFE)]))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6, 1e12])
def test_any_size_of_traffic_gives_a_finite_number(scale: float) -> None:
    pair = Pair(scale, 10 * scale, scale, 100 * scale)

    assert math.isfinite(alarm([comparison_bets(pair, BAD)] * 3, HALF, [False] * 3).log_e)
    assert math.isfinite(assurance([similarity_bets(pair, SAFE)] * 3))


@given(st.lists(st.floats(-2000, 2000), min_size=1, max_size=9))
def test_means_of_exponentials_do_not_overflow(values: list[float]) -> None:
    found = log_mean_exp(values)

    assert max(values) - math.log(len(values)) - 1e-9 <= found <= max(values) + 1e-9


def test_the_checks_needed_are_those_after_which_it_is_certified() -> None:
    typical = Pair(0.5, 100, 2.0, 400)
    growth = similarity_bets(typical, SAFE)
    needed = checks_needed(totals([]), growth, math.log(20))

    assert needed is not None
    assert assurance([growth] * math.ceil(needed)) >= math.log(20)
    assert assurance([growth] * math.floor(needed * 0.95)) < math.log(20)


def test_what_can_never_be_certified_is_said() -> None:
    losing = (-1.0,) * len(SAFE_RATIOS)

    assert checks_needed(totals([]), losing, math.log(20)) is None
