"""The operator's configuration file: read once at start, refused with one sentence where it is wrong."""

import os
import socket
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from headgate.metrics.endpoint import Endpoint
from headgate.routing.proxies import Gateway, Implementation

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class ConfigError(Exception):
    """The configuration cannot be used; the text is one sentence that names the file and the field."""


class _Section(BaseModel):
    """A part of the configuration: camelCase, and no field that does not exist."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class IngressConfig(_Section):
    """Who serves the Ingresses that releases use."""

    implementation: Implementation


class GatewayConfig(_Section):
    """Who serves the Gateways that the HTTPRoutes of releases belong to."""

    implementation: Gateway


def _own_namespace() -> str:
    """The namespace of this pod, `default` outside of a cluster."""
    named = os.environ.get("POD_NAMESPACE", "")
    return named or (_NAMESPACE_FILE.read_text().strip() if _NAMESPACE_FILE.exists() else "default")


def _own_name() -> str:
    return os.environ.get("POD_NAME") or socket.gethostname()


class LeaseConfig(_Section):
    """The Lease that decides which replica works."""

    name: Annotated[str, Field(min_length=1, max_length=253)] = "headgate"
    namespace: Annotated[str, Field(min_length=1, max_length=63)] = Field(default_factory=_own_namespace)
    identity: Annotated[str, Field(min_length=1, max_length=253)] = Field(default_factory=_own_name)
    """Who this replica is; a random suffix is added, so that a restarted one is another."""


class HttpConfig(_Section):
    """Where /metrics, /livez and /readyz are served."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 takes any free port."""


class LoggingConfig(_Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class OperatorConfig(_Section):
    """All that an operator is told."""

    namespaces: tuple[Annotated[str, Field(min_length=1, max_length=63)], ...] = ()
    """Where releases are served; empty for the whole cluster."""
    prometheus: dict[str, Endpoint] = Field(default_factory=dict)
    """The Prometheus servers that a release can name."""
    ingress: IngressConfig | None = None
    """Without it, no release goes by an Ingress, and Ingresses are not watched."""
    gateway: GatewayConfig | None = None
    """Without it, no release goes by an HTTPRoute, and HTTPRoutes are not watched."""
    policies: Literal["auto", "on", "off"] = "auto"
    """Whether the admission policies hold Deployments and Services; auto looks for them at start."""
    lease: LeaseConfig = Field(default_factory=LeaseConfig)
    http: HttpConfig = HttpConfig()
    logging: LoggingConfig = LoggingConfig()
    workers: Annotated[int, Field(ge=1, le=64)] = 4
    """How many releases are looked at in the same moment."""


def load_config(path: Path | None) -> OperatorConfig:
    """The configuration in a YAML file, or the defaults without one. Raises ConfigError."""
    if path is None:
        return OperatorConfig()
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}: give the file with --config") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}: not YAML{where}: {getattr(error, 'problem', error)}") from error
    if not isinstance(values or {}, dict):
        raise ConfigError(f"{path}: the file must hold a mapping, such as `workers: 4`")
    try:
        return OperatorConfig.model_validate(values or {})
    except ValidationError as error:
        raise ConfigError(f"{path}: {_sentence(error)}") from error


def _sentence(error: ValidationError) -> str:
    """The first problem, without the value that was given: it may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "configuration"
    if first["type"] == "extra_forbidden":
        return f"{field} is not a field that exists: remove it, or correct its spelling"
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"
