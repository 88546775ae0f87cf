"""Names, users and files of a lab, refused or written as the components expect them."""

import json
from pathlib import Path

import pytest
import yaml

from lab import monitoring, proxy, users
from lab.layout import CONFIG, identity, state_folder
from lab.progress import LabError


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", "a" * 31, "a b"])
def test_a_name_that_is_no_folder_or_host_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no lab name"):
        state_folder(name)


def test_the_same_name_in_two_checkouts_is_two_labs() -> None:
    assert identity(Path("/one/.lab/headgate")) != identity(Path("/two/.lab/headgate"))


@pytest.mark.parametrize("interval", ["", "0s", "5", "-5s", "1h", "5 s", "1.5s", "99999s"])
def test_a_scrape_interval_that_prometheus_would_refuse_is_refused_first(interval: str) -> None:
    with pytest.raises(LabError, match="write it like 5s or 1m"):
        monitoring.configuration("traefik:8080", "", interval)


@pytest.mark.parametrize(("interval", "timeout"), [("1s", "1s"), ("5s", "5s"), ("30s", "10s"), ("2m", "10s")])
def test_a_scrape_never_outlasts_its_interval(interval: str, timeout: str) -> None:
    config = yaml.safe_load(monitoring.configuration("traefik:8080", "/lab/prometheus", interval))

    assert config["global"] == {"scrape_interval": interval, "scrape_timeout": timeout}


def test_prometheus_takes_address_and_port_from_the_annotation() -> None:
    config = yaml.safe_load(monitoring.configuration("10.200.0.2:8080", ""))
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}

    assert jobs["traefik"]["static_configs"] == [{"targets": ["10.200.0.2:8080"]}]
    rule = next(rule for rule in jobs["pods"]["relabel_configs"] if rule.get("target_label") == "__address__")
    assert rule["replacement"] == "$1:$2"


def test_only_the_administrator_is_a_master(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("authority")
    users.write_kubeconfigs(tmp_path / "kubeconfig", tmp_path / "tokens", "https://10.200.0.2:6443", tmp_path / "ca")

    lines = (tmp_path / "tokens").read_text().splitlines()
    assert [line.split(",")[1] for line in lines if "system:masters" in line] == ["admin"]
    assert (tmp_path / "tokens").stat().st_mode & 0o077 == 0
    tokens = {line.split(",")[0] for line in lines}
    assert len(tokens) == len(users.USERS)
    for name in users.USERS:
        config = json.loads((tmp_path / "kubeconfig" / name).read_text())
        assert config["users"][0]["user"]["token"] in tokens


def test_traefik_counts_around_the_latencies_that_tests_inject() -> None:
    (flag,) = [flag for flag in proxy.flags(":80", ":8080") if flag.startswith("--metrics.prometheus.buckets=")]

    assert {"0.2", "0.3", "0.5"} <= set(flag.partition("=")[2].split(","))


def test_the_audit_log_has_the_requests_of_service_accounts_and_no_body() -> None:
    rules = yaml.safe_load((CONFIG / "audit-policy.yaml").read_text())["rules"]

    assert rules[0] == {"level": "Metadata", "userGroups": ["system:serviceaccounts"]}
    assert rules[-1] == {"level": "None"}


def test_the_audit_log_has_the_body_of_what_kubelets_say_about_pods_and_no_other() -> None:
    rules = yaml.safe_load((CONFIG / "audit-policy.yaml").read_text())["rules"]

    (with_body,) = [rule for rule in rules if rule["level"] not in {"Metadata", "None"}]
    assert with_body["userGroups"] == ["system:nodes"]
    assert with_body["resources"] == [{"group": "", "resources": ["pods/status"]}]
