"""Prometheus: what it scrapes, and how often."""

import re
import urllib.request
from pathlib import Path
from string import Template

from lab.component import Component
from lab.layout import CONFIG
from lab.progress import LabError
from lab.settings import Settings

DEFAULT_SCRAPE_INTERVAL = "5s"
_LONGEST_TIMEOUT = 10
_SECONDS = {"s": 1, "m": 60}


def configuration(traefik: str, kubeconfig: str, scrape_interval: str = DEFAULT_SCRAPE_INTERVAL) -> str:
    """The text of prometheus.yml; kubeconfig is a path, or "" for a pod's own service account.

    LabError when the interval is not like 5s or 1m.
    """
    match = re.fullmatch(r"([1-9]\d{0,3})([sm])", scrape_interval)
    if not match:
        raise LabError(f"{scrape_interval!r} is no scrape interval: write it like 5s or 1m")
    timeout = min(int(match[1]) * _SECONDS[match[2]], _LONGEST_TIMEOUT)
    return Template((CONFIG / "prometheus.yml").read_text()).substitute(
        scrape_interval=scrape_interval, scrape_timeout=f"{timeout}s", traefik=traefik, kubeconfig=kubeconfig
    )


def write_config(settings: Settings, scrape_interval: str = DEFAULT_SCRAPE_INTERVAL) -> None:
    """Write prometheus.yml of a lab."""
    text = configuration(f"{settings.address}:8080", settings.kubeconfig("prometheus"), scrape_interval)
    (settings.folder / "config" / "prometheus.yml").write_text(text)


def set_scrape_interval(settings: Settings, interval: str) -> None:
    """Change the interval of the running Prometheus."""
    write_config(settings, interval)
    reload(settings)


def log_queries(settings: Settings, log: Path) -> None:
    """Let the running Prometheus log each query, with its moment and who asked, as a line of JSON."""
    path = settings.folder / "config" / "prometheus.yml"
    path.write_text(path.read_text().replace("global:\n", f"global:\n  query_log_file: {log}\n", 1))
    reload(settings)


def reload(settings: Settings) -> None:
    """Have the running Prometheus read its configuration again."""
    request = urllib.request.Request(f"{settings.prometheus_url}/-/reload", method="POST")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10):
        pass


def component(settings: Settings) -> Component:
    command = (
        settings.program("prometheus"),
        f"--config.file={settings.folder}/config/prometheus.yml",
        f"--storage.tsdb.path={settings.folder}/prometheus",
        "--storage.tsdb.retention.time=6h",
        f"--web.listen-address={settings.address}:9090",
        "--web.enable-lifecycle",
        "--log.level=warn",
    )
    return Component("prometheus", command, f"{settings.prometheus_url}/-/ready", ("objects",))
