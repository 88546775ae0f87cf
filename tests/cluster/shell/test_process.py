"""The operator as a process: how it starts, rests, reacts and ends."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.cluster.shell.conftest import Bench
from tests.cluster.shell.operator_process import ROOT, OperatorProcess, until

pytestmark = pytest.mark.cluster

WATCH_VERBS = {"watch", "list"}


def test_it_becomes_ready_leads_and_says_so_in_json(bench: Bench) -> None:
    operator = bench.operator()
    operator.leads()
    assert operator.get("/readyz") == (200, "ok\n")
    assert operator.get("/livez") == (200, "ok\n")
    assert operator.metric("headgate_leader") == 1.0
    assert not [line for line in operator.lines if line.get("unstructured") or line["level"] != "INFO"], operator.log()


def test_a_release_gets_its_status_within_a_moment_and_the_metrics_show_it(bench: Bench) -> None:
    operator = bench.operator()
    operator.leads()
    bench.apply(bench.release())
    until("the release is stalled", lambda: bench.phase() == "Stalled")
    assert bench.message().startswith(f"deployment shop not found in namespace {bench.namespace}")
    name = f'headgate_release_phase{{name="shop",namespace="{bench.namespace}",phase="Stalled"}}'
    assert operator.metric(name) == 1.0
    bench.cluster.kubectl("delete", "canaryrelease", "shop", "-n", bench.namespace)
    until("the release's series are gone", lambda: "headgate_release_phase{" not in operator.get("/metrics")[1])


def test_what_was_missing_is_noticed_when_it_comes(bench: Bench) -> None:
    """Deployment and Service are watched, though no request asks for them."""
    bench.operator().leads()
    bench.apply(bench.release())
    until("the release is stalled", lambda: bench.phase() == "Stalled")
    bench.apply(*bench.workload())
    until("the release is no more stalled", lambda: bench.phase() != "Stalled")


def test_sigterm_ends_it_in_order_within_ten_seconds(bench: Bench) -> None:
    operator = bench.operator()
    operator.leads()
    began = time.monotonic()
    operator.signal(signal.SIGTERM)
    assert operator.ends(10) == 0
    print(f"\nended {time.monotonic() - began:.2f} s after SIGTERM")
    assert "holderIdentity" not in bench.lease()


def test_sigterm_ends_it_while_the_api_server_hangs(bench: Bench) -> None:
    proxy = bench.proxy()
    operator = bench.operator(proxy.url)
    operator.leads()
    bench.apply(bench.release())
    proxy.fault = lambda _: "hang"
    operator.signal(signal.SIGTERM)
    assert operator.ends(10) == 0


def test_sigterm_ends_it_while_it_still_waits_for_the_api_server(bench: Bench) -> None:
    proxy = bench.proxy()
    proxy.fault = lambda _: "hang"
    operator = bench.operator(proxy.url)
    operator.wait_for("serving probes and metrics")
    operator.signal(signal.SIGTERM)
    assert operator.ends(10) == 0


def test_a_missing_crd_is_one_sentence(bench: Bench) -> None:
    from aiohttp import web  # noqa: PLC0415 (only here)

    proxy = bench.proxy()
    proxy.fault = lambda request: web.json_response({}, status=404) if "canaryreleases" in request.path else None
    operator = bench.operator(proxy.url)
    assert operator.ends(20) == 1
    assert operator.lines[-1]["message"] == (
        "the API server knows no canaryreleases.headgate.dev: install the CRD (crds/ or the chart) and start again"
    )


def test_a_cluster_without_the_gateway_api_is_one_sentence(bench: Bench) -> None:
    bench.may({"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["list", "watch"]})
    operator = bench.operator(gateway={"implementation": "Traefik"})
    assert operator.ends(20) == 1
    assert operator.lines[-1]["message"] == (
        "the API server knows no httproutes.gateway.networking.k8s.io:"
        " install the Gateway API, or take gateway out of the configuration, and start again"
    )


@pytest.mark.parametrize(
    ("config", "sentence"),
    [("workers: none\n", "workers: Input should be a valid integer"), ("ingress: [\n", "not YAML at line 2")],
)
def test_a_wrong_configuration_is_one_sentence_and_status_2(bench: Bench, config: str, sentence: str) -> None:
    path = bench.folder / "wrong.yaml"
    path.write_text(config)
    with OperatorProcess(path, bench.kubeconfig("x")) as operator:
        assert operator.ends(20) == 2
    assert operator.lines[0]["message"].startswith(f"headgate: {path}: {sentence}")


def test_it_starts_without_the_typed_api_classes(bench: Bench) -> None:
    """They would cost 30 MiB. kopf itself needs two models; all else that starts and watches must do without."""
    config = {"namespaces": [bench.namespace], "lease": {"namespace": bench.namespace}, "http": {"port": 0}}
    done = subprocess.run(
        [sys.executable, "-c", _LOADED_MODULES, json.dumps(config), str(bench.kubeconfig(bench.cluster.token()))],
        env={"PYTHONPATH": str(ROOT / "operator")}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "MODULES" in done.stdout, done.stdout + done.stderr
    loaded = done.stdout.rpartition("MODULES")[2].split()
    of_kopf = ("v1_managed_fields_entry", "v1_object_meta", "v1_owner_reference")
    assert loaded == [f"kubernetes.client.models.{name}" for name in of_kopf]


_LOADED_MODULES = """
import asyncio, json, logging, sys
from headgate.controller import logs
from headgate.controller.app import run
from headgate.controller.config import OperatorConfig

class Leading(logging.Handler):
    def emit(self, record):
        if record.getMessage() == "leading":
            asyncio.current_task().cancel()

logs.configure = lambda level: logging.basicConfig(level=level, handlers=[Leading()])
try:
    asyncio.run(asyncio.wait_for(run(OperatorConfig.model_validate_json(sys.argv[1]), sys.argv[2]), 40))
except asyncio.CancelledError:
    pass
print("MODULES", *sorted(name for name in sys.modules if ".client.models." in name or ".client.api." in name))
"""
