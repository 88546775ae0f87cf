"""Reading what a release needs from a Prometheus, at moments that a test gives."""

from headgate.api.status import Mark
from headgate.metrics.source import Source
from headgate.metrics.watch import Watch
from headgate.release.observation import Metrics

START = 1_700_000_000.0
"""When every release here begins, on the second of a scrape."""
MARK = Mark(at=START, until=START, weight=10, step=1)


def read(source: Source, item: Watch, *moments: float) -> Metrics:
    """What is known after reads at these seconds after the start."""
    for moment in moments:
        source.refresh([item], START + moment)
    found = source.metrics(item)
    assert found is not None
    return found
