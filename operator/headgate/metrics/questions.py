"""The queries of specs: many in one, each answered by a number, by nothing, or by why it can't be.

The texts come from authors of releases. In one query they stand side by side, each marked with a token that no author
can know, so that none can answer for another. When the whole is rejected each is asked by itself, and what is wrong
with one stays its own. When the whole takes too long it is halved from check to check, until the slow one is found.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from headgate.metrics.prometheus import Prometheus, PrometheusError, Result

Answer = float | str | None
"""A number; None for no data; a sentence for what is wrong with the query."""
_MARK = "headgate_question"
_ENOUGH = 2
"""Series of an answer that are asked for: two show that it is not one."""
_MOST_KNOWN = 10_000
_ASKED_AGAIN = 60.0
"""Seconds until a rejected query is asked again: some fail only on what is there, as two series where one may be."""
_KEPT_APART = 600.0
"""Seconds until texts that took too long together are asked together again."""


@dataclass
class Questions:
    """Asks one Prometheus. Remembers which texts can't be asked together with others."""

    prometheus: Prometheus
    _broken: dict[str, tuple[str, float]] = field(default_factory=dict)
    """What is wrong with a text, and when that was said."""
    _scalars: set[str] = field(default_factory=set)
    _apart: dict[frozenset[str], float] = field(default_factory=dict)
    """Texts that are asked apart from others, for one of them was too slow, and since when."""

    def answers(self, texts: Iterable[str], at: float) -> dict[str, Answer]:
        """The answer to each text. Raises PrometheusError when the server answers none."""
        asked = sorted(set(texts))
        if len(self._broken) + len(self._scalars) > _MOST_KNOWN:
            self._broken.clear()
            self._scalars.clear()
        found: dict[str, Answer] = {}
        rest = [text for text in asked if not self._is_broken(text, at)]
        for part in self._parts(rest, at):
            try:
                found |= self._together(part, at)
            except PrometheusError as error:
                self._divide(part, str(error) if found else "", at)
                if not found:
                    raise
                # One that is slow is enough for a check.
                found |= {text: str(error) for text in rest if text not in found}
                break
        return {text: self._broken[text][0] if text in self._broken else found[text] for text in asked}

    def _is_broken(self, text: str, at: float) -> bool:
        """Whether a text is known to fail; after a while that must be seen anew, apart from all others."""
        if text not in self._broken or at - self._broken[text][1] < _ASKED_AGAIN:
            return text in self._broken
        del self._broken[text]
        # Behind all others: it may well fail again.
        self._apart.pop(frozenset([text]), None)
        self._apart[frozenset([text])] = at
        return False

    def _parts(self, texts: list[str], at: float) -> list[list[str]]:
        """The texts in parts: of the length that the server takes, and after these the ones that are asked apart."""
        self._apart = {group: since for group, since in self._apart.items() if at - since < _KEPT_APART}
        apart = [group for one in self._apart if (group := sorted(one.intersection(texts)))]
        parts: list[list[str]] = []
        room = 0
        for text in sorted(set(texts).difference(*apart)):
            if len(text) + 120 > room:
                parts.append([])
                room = self.prometheus.endpoint.query_bytes
            parts[-1].append(text)
            room -= len(text) + 120
        return parts + apart

    def _divide(self, part: list[str], why: str, at: float) -> None:
        """Have the halves of a part that took too long asked apart; one text alone is at fault if others were not."""
        others = {group.difference(part): since for group, since in self._apart.items()}
        halves = (frozenset(part[: len(part) // 2]), frozenset(part[len(part) // 2 :]))
        self._apart = others | dict.fromkeys(halves, at)
        self._apart.pop(frozenset(), None)
        if why and len(part) == 1:
            self._rejected(part[0], why, at)

    def _together(self, texts: list[str], at: float) -> dict[str, Answer]:
        tokens = {secrets.token_hex(8): text for text in texts}
        whole = " or ".join(
            f'label_replace(topk({_ENOUGH}, {self._as_vector(text)}), "{_MARK}", "{token}", "", "")'
            for token, text in tokens.items()
        )
        try:
            result = self.prometheus.query(whole, at)
        except PrometheusError as error:
            if not error.rejected:
                raise
            return {text: self._alone(text, at) for text in texts}
        values: dict[str, list[Any]] = {text: [] for text in texts}
        for item in result:
            text = tokens.get(item["metric"].get(_MARK, ""))
            # A histogram has no value.
            if text is not None and "value" in item:
                values[text].append(item["value"])
        return {text: _single(found) for text, found in values.items()}

    def _alone(self, text: str, at: float) -> Answer:
        """The answer to one text asked by itself, which also shows what it is."""
        try:
            result = self.prometheus.query(text, at, most=_ENOUGH)
        except PrometheusError as error:
            if not error.rejected:
                raise
            return self._rejected(text, str(error), at)
        if _is_pair(result):
            self._scalars.add(text)
            return _single([result])
        if any("value" not in item for item in result):
            return self._rejected(text, "the query gives a range of samples, and must give one number", at)
        return _single([item["value"] for item in result])

    def _rejected(self, text: str, why: str, at: float) -> str:
        self._broken[text] = why, at
        return why

    def _as_vector(self, text: str) -> str:
        # On a line of its own a comment at the end of the text ends there.
        return f"{'vector' if text in self._scalars else ''}(\n{text}\n)"


def _is_pair(result: Result) -> bool:
    return len(result) == 2 and not isinstance(result[0], dict)


def _single(values: list[Any]) -> Answer:
    """The one number among (moment, text) pairs."""
    if not values:
        return None
    if len(values) > 1:
        return "the query gives several numbers, and must give one: aggregate it"
    try:
        return float(values[0][1])
    except ValueError:
        return "the query gives a text, and must give a number"
