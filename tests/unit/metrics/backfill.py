"""Samples of the past for a running Prometheus, by its remote write receiver (version 1: protobuf in a snappy block).

Encoded by hand: the message has four kinds of field, and a block may hold all bytes as they are.
"""

import re
import struct
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator

Series = tuple[tuple[str, str], ...]
"""Sorted labels, the name among them."""

_LINE = re.compile(r"(?P<name>\w+){(?P<labels>.*)} (?P<value>\S+) (?P<at>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_SPAN = 1800.0
"""Seconds of one request: Prometheus takes no sample that is more than an hour older than its newest."""
_LITERAL = 65536
_HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}


def backfill(url: str, text: str) -> None:
    """Writes lines of the OpenMetrics format, each with its moment in seconds since the epoch."""
    samples = sorted(_parsed(text), key=lambda sample: sample[1])
    for part in _parts(samples):
        request = urllib.request.Request(f"{url}/api/v1/write", _snappy(_write_request(part)), _HEADERS)  # noqa: S310 (loopback)
        with urllib.request.urlopen(request) as answer:  # noqa: S310 (loopback)
            assert answer.status == 204


def _parsed(text: str) -> Iterator[tuple[Series, float, float]]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        assert found, f"no sample: {line}"
        # An empty label is none: a scrape leaves it out, too.
        labels = [("__name__", found["name"]), *(pair for pair in _LABEL.findall(found["labels"]) if pair[1])]
        yield tuple(sorted(labels)), float(found["at"]), float(found["value"])


def _parts(samples: list[tuple[Series, float, float]]) -> Iterator[dict[Series, list[tuple[float, float]]]]:
    """The samples of half an hour each, by series."""
    part: dict[Series, list[tuple[float, float]]] = defaultdict(list)
    begin = samples[0][1]
    for series, at, value in samples:
        if at >= begin + _SPAN:
            yield part
            part, begin = defaultdict(list), at
        part[series].append((at, value))
    yield part


def _write_request(part: dict[Series, list[tuple[float, float]]]) -> bytes:
    return b"".join(_field(1, _time_series(labels, samples)) for labels, samples in part.items())


def _time_series(labels: Series, samples: Iterable[tuple[float, float]]) -> bytes:
    named = (_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels)
    counted = (
        _field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(round(1000 * at))) for at, value in samples
    )
    return b"".join((*named, *counted))


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _snappy(content: bytes) -> bytes:
    """A block of literals whose length stands in two bytes."""
    literals = (content[place : place + _LITERAL] for place in range(0, len(content), _LITERAL))
    return _varint(len(content)) + b"".join(b"\xf4" + struct.pack("<H", len(one) - 1) + one for one in literals)
