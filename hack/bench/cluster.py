"""The cluster that is measured: a lab of its own with Headgate, one shop by itself and a crowd of them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import audit, leader, queries
from bench.api import Api
from bench.audit import Request
from bench.machine import warn_if_busy
from bench.queries import Query
from bench.resting import add
from demo import shop, stage
from demo.shop import Shop, ShopVersion
from headgate.api.fields import Manifest
from lab import drivers, monitoring
from lab.handle import Lab
from lab.layout import state_folder
from lab.progress import LabError, run_long, say
from lab.settings import Settings

WEIGHTS, WEIGHTS_OF_CROWD = (5, 10, 25, 50, 75), (25, 50, 75)
CHECK = 2
"""Seconds between two checks."""
_SCRAPE, SCRAPE_AT_REST = "1s", "30s"
"""How often Prometheus reads proxy and operator: short while steps of some seconds must see two scrapes."""
_TOGETHER = 10
"""Shops in one namespace."""
_PATIENCE = 240


@dataclass(frozen=True)
class Cluster:
    """What there is to be measured."""

    lab: Lab
    alone: Shop
    crowd: tuple[Shop, ...]

    def requests(self) -> list[Request]:
        """All requests that the API server has noted, in the order of their answers."""
        assert self.lab.audit_log is not None  # noqa: S101 (the processes driver has one)
        files = sorted(self.lab.folder.glob("audit*.log"))
        return list(audit.read(line for file in files for line in _complete_lines(file)))

    def queries(self) -> list[Query]:
        """All queries of the operator's pods that Prometheus has answered."""
        return list(queries.read(_complete_lines(_query_log(self.lab)), leader.addresses(self.lab)))

    def scrape_every(self, interval: str) -> None:
        """Let Prometheus scrape so often, and note the queries it is asked."""
        self.lab.set_scrape_interval(interval)
        monitoring.log_queries(Settings.load(self.lab.folder), _query_log(self.lab))

    def release(self, shops: Iterable[Shop], version: ShopVersion) -> None:
        """Change the templates of these shops to this version."""
        self.lab.kubectl("apply", "--filename=-", stdin=shop.listed(item.deployment(version) for item in shops))

    def add_resting(self, count: int) -> None:
        """Add releases that never move; then start the operator anew, for it needs most when it lists everything."""
        say(f"adding {count:,} releases at rest")
        add(Api(self.lab), count)
        where = f"--namespace={stage.SYSTEM}"
        self.lab.kubectl("rollout", "restart", "deployment/headgate", where)
        self.lab.kubectl("rollout", "status", "deployment/headgate", where, "--timeout=120s")

    def until(self, shops: Sequence[Shop], phase: str) -> None:
        """Return when the releases of all these shops are in a phase. LabError when some are not, in time."""
        for namespace in sorted({item.namespace for item in shops}):
            names = [f"canaryrelease/{item.name}" for item in shops if item.namespace == namespace]
            wait = [
                str(self.lab.program("kubectl")),
                "wait",
                *names,
                f"--namespace={namespace}",
                f"--timeout={_PATIENCE}s",
            ]
            try:
                run_long(
                    [*wait, f"--for=jsonpath={{.status.phase}}={phase}"],
                    f"until {len(names)} in {namespace} are {phase}",
                    self.lab.folder / "log" / "wait.log",
                    env=self.lab.environment(),
                    counted="of them",
                )
            except LabError as error:
                raise LabError(f"{error}\n{self.lab.kubectl('get', 'crel', '--all-namespaces')}") from error


@contextmanager
def prepared(name: str, moving: int, *, keep: bool) -> Iterator[Cluster]:
    """A new lab in which all shops are at rest; it goes at the end unless it is to be kept."""
    if state_folder(name).exists():
        say("removing the lab of the run before")
        drivers.down(name)
    warn_if_busy()
    lab = drivers.up("processes", name, only_api=False, flags=())
    try:
        stage.equip(lab)
        cluster = Cluster(lab, _shop("alone", "bench-alone", 4, WEIGHTS), tuple(map(_one_of_crowd, range(moving))))
        cluster.scrape_every(_SCRAPE)
        _open(cluster)
        yield cluster
    finally:
        if not keep:
            say("removing the lab")
            drivers.down(name)


def _open(cluster: Cluster) -> None:
    """Start all shops, and return when Headgate watches over them."""
    shops = [cluster.alone, *cluster.crowd]
    say(f"starting {len(shops)} shops with {sum(item.replicas for item in shops)} pods")
    namespaces = [shop.namespace(name) for name in sorted({item.namespace for item in shops})]
    manifests = [manifest for item in shops for manifest in item.manifests(shop.FIRST)]
    cluster.lab.kubectl("apply", "--filename=-", stdin=shop.listed([*namespaces, *manifests]))
    cluster.until(shops, "Idle")
    stage.until_held(cluster.lab, cluster.alone, shop.GOOD)


def _one_of_crowd(number: int) -> Shop:
    return _shop(f"shop-{number}", f"bench-{number // _TOGETHER}", 2, WEIGHTS_OF_CROWD)


def _shop(name: str, namespace: str, replicas: int, weights: Sequence[int]) -> Shop:
    return Shop(name, namespace, replicas, _spec(name, weights))


def _spec(name: str, weights: Sequence[int]) -> Manifest:
    """A release with everything that costs a query: two objectives and a number of the spec's own."""
    rate = 'sum(rate(traefik_service_requests_total{service=~"$(namespace)-$(service)-.*"}[1m]))'
    return {
        "traffic": {"ingress": name, "settle": "1s"},
        "steps": [{"setWeight": weight, "hold": {"min": "4s", "advance": "WhenNotBad"}} for weight in weights],
        "analysis": {
            "interval": f"{CHECK}s",
            # No request takes so long, even where the start of pods leaves the shops little CPU.
            "latency": {"below": "5s"},
            "queries": [{"name": "requests a second", "query": rate, "max": 10_000}],
        },
        "bake": "1s",
    }


def _query_log(lab: Lab) -> Path:
    return lab.folder / "queries.log"


def _complete_lines(file: Path) -> Iterator[str]:
    """The lines of a log, without a last one that is being written."""
    with file.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield line
