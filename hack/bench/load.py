"""Requests at a constant rate through the ingress controller, each of them accounted for."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from demo.shop import Shop
from lab.handle import Lab
from lab.progress import LabError


class Totals(NamedTuple):
    """Requests sent, and those of them that no pod answered."""

    sent: int = 0
    lost: int = 0


class Load:
    """One load generator for one shop; `totals` are known when it has ended."""

    def __init__(self, lab: Lab, shop: Shop, rate: int) -> None:
        command = [str(lab.program("load")), f"--url={lab.proxy_url}", f"--host={shop.host}", f"--rps={rate}"]
        self._shop = shop
        self._lines = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by stop)
        self._process = subprocess.Popen(command, stdout=self._lines, text=True, start_new_session=True)
        self.totals = Totals()

    def stop(self) -> None:
        """End it; returns when the last request has its result. LabError when it ended by itself."""
        if self._process.poll() is not None:
            raise LabError(f"the load of {self._shop.host} ended early, with status {self._process.returncode}")
        self._process.terminate()
        self._process.wait()
        with self._lines as lines:
            lines.seek(0)
            *_, summary = map(json.loads, lines)
        self.totals = Totals(summary["sent"], summary["lost"])


@contextmanager
def under_load(lab: Lab, shops: Iterable[Shop], rate: int) -> Iterator[list[Load]]:
    """So many requests a second to each of the shops within the block."""
    with ExitStack() as stack:
        loads = [Load(lab, shop, rate) for shop in shops]
        for load in loads:
            stack.callback(load.stop)
        yield loads
