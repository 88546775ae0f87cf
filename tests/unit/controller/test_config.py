"""The configuration file: defaults, and one sentence for each mistake."""

from pathlib import Path

import pytest

from headgate.controller.config import ConfigError, load_config


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "headgate-0")
    monkeypatch.setenv("POD_NAMESPACE", "headgate-system")


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_an_empty_file_is_a_whole_configuration(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, ""))
    assert config == load_config(None)
    assert (config.namespaces, config.ingress, config.policies, config.workers) == ((), None, "auto", 4)
    assert (config.lease.name, config.lease.namespace, config.lease.identity) == (
        "headgate",
        "headgate-system",
        "headgate-0",
    )
    assert (config.http.port, config.logging.level) == (8080, "INFO")


def test_all_that_the_chart_writes_is_understood(tmp_path: Path) -> None:
    text = """
        namespaces: [prod, test]
        policies: "on"
        ingress: {implementation: IngressNginx}
        prometheus:
          default: {url: "http://prometheus:9090"}
          global: {url: "https://mimir/prometheus", headers: {X-Scope-OrgID: shop}, bearerTokenFile: /etc/token}
        lease: {name: headgate, namespace: system}
        http: {port: 8080}
        logging: {level: DEBUG}
        workers: 8
    """
    config = load_config(written(tmp_path, text))
    assert config.namespaces == ("prod", "test")
    assert config.ingress is not None
    assert config.ingress.implementation == "IngressNginx"
    assert config.prometheus["global"].headers == {"X-Scope-OrgID": "shop"}
    assert (config.policies, config.workers, config.logging.level) == ("on", 8, "DEBUG")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("worker: 4", "worker is not a field that exists: remove it, or correct its spelling"),
        (
            "ingress: {implementation: Kong}",
            "ingress.implementation: Input should be 'Traefik', 'IngressNginx' or 'Higress'",
        ),
        ("ingress: {}", "ingress.implementation: Field required"),
        (
            "gateway: {implementation: Kong}",
            "gateway.implementation: Input should be 'Traefik', 'Contour', 'EnvoyGateway' or 'Istio'",
        ),
        ("policies: maybe", "policies: Input should be 'auto', 'on' or 'off'"),
        ("workers: 0", "workers: Input should be greater than or equal to 1"),
        ("workers: many", "workers: Input should be a valid integer, unable to parse string as an integer"),
        ("http: {port: 99999}", "http.port: Input should be less than or equal to 65535"),
        ("logging: {level: LOUD}", "logging.level: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("namespaces: prod", "namespaces: Input should be a valid tuple"),
        ("prometheus: {default: {}}", "prometheus.default.url: Field required"),
        (
            "prometheus: {default: {url: 'ftp://x'}}",
            "prometheus.default.url: url must be like http://prometheus.monitoring:9090",
        ),
        ("[1, 2]", "the file must hold a mapping, such as `workers: 4`"),
        ("workers: 4\n  http: {", "not YAML at line 2, column 7: mapping values are not allowed here"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_file_and_the_field(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}: {sentence}"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"^/nowhere/x\.yaml: No such file or directory: give the file with --config$"
    ):
        load_config(Path("/nowhere/x.yaml"))


def test_an_error_never_shows_the_value_that_was_given(tmp_path: Path) -> None:
    """It may be a password that stands in the wrong place."""
    path = written(tmp_path, "prometheus: {default: {url: 'http://u:hunter2@x', basicAuthFile: /x, password: hunter2}}")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert "hunter2" not in str(caught.value)
