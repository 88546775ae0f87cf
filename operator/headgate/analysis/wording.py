"""What a verdict says: the same sentences stand in status, events and logs."""

import math

from headgate.analysis.evidence import Pair
from headgate.api.fields import format_duration, format_percent

_NORMAL_95 = 1.96


def number(value: float) -> str:
    """`1,234` for a count."""
    return f"{value:,.0f}"


def rounded(value: float) -> str:
    """A number with two significant digits and no exponent: `1,200`, `0.35`."""
    if not value:
        return "0"
    digits = 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def odds(log_e: float) -> str:
    """Evidence as odds against one: `2,300`, `0.4`, or `10^12` beyond a billion."""
    if log_e > 9 * math.log(10):
        return "infinite" if math.isinf(log_e) else f"10^{math.floor(log_e / math.log(10))}"
    return rounded(math.exp(log_e)) if log_e > -7 else "0"


def share(bad: float, requests: float) -> str | None:
    """`2.5%`; None for no requests."""
    return format_percent(bad / requests) if requests else None


def difference(pair: Pair, phi: float = 1.0) -> str | None:
    """The 95 % interval of the candidate's share of bad requests minus stable's: `+0.81% to +3.6%`.

    Agresti and Caffo 2000, widened by the dispersion. It is meant to be read once: of many looks, one will miss.
    """
    x, n, y, m = pair
    if not n or not m:
        return None
    p, q = (x + 1) / (n + 2), (y + 1) / (m + 2)
    spread = _NORMAL_95 * math.sqrt(phi * (p * (1 - p) / (n + 2) + q * (1 - q) / (m + 2)))
    low, high = max(-1.0, p - q - spread), min(1.0, p - q + spread)
    return f"{100 * low:+.2g}% to {100 * high:+.2g}%"


def counts(pair: Pair, verb: str, *, alone: bool) -> str:
    """`candidate 12 of 480 failed, stable 31 of 9,120`."""
    candidate = f"candidate {number(pair.x)} of {number(pair.n)} {verb}"
    return candidate if alone else f"{candidate}, stable {number(pair.y)} of {number(pair.m)}"


def excess(pair: Pair, tolerated: float) -> str:
    """`7.4 times the tolerated rate of 0.57%`."""
    if not tolerated:
        return "none is tolerated"
    return f"{rounded(pair.x / pair.n / tolerated)} times the tolerated rate of {percent(tolerated)}"


def percent(fraction: float) -> str:
    """A share with two significant digits: `0.46%`."""
    return f"{rounded(100 * fraction)}%"


def evidence(log_e: float, log_needed: float) -> str:
    """`evidence 2,300 : 1, needed 100 : 1`."""
    return f"evidence {odds(log_e)} : 1, needed {odds(log_needed)} : 1"


def since_onset(seconds: float) -> str:
    """`in the last 45s`."""
    return f"in the last {format_duration(round(seconds))}"


def more_requests(needed: int) -> str:
    """`about 1,200 more candidate requests`."""
    return f"about {rounded(needed)} more candidate requests"
