"""Where a Prometheus is and how Headgate proves who it is: a part of the operator's configuration."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from headgate.api.fields import Duration


class Endpoint(BaseModel):
    """One Prometheus, or a Thanos, Mimir or VictoriaMetrics with its query API.

    Secrets are read from files or from the environment, and read anew when they change. They never stand in an error.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    url: Annotated[str, Field(repr=False)]
    """Base address, such as http://prometheus.monitoring:9090 or https://mimir.example/prometheus."""
    headers: Annotated[dict[str, str], Field(repr=False)] = {}
    """HTTP headers, such as X-Scope-OrgID."""
    header_files: dict[str, Path] = {}
    """HTTP headers whose values stand in files."""
    header_env: dict[str, str] = {}
    """HTTP headers whose values stand in environment variables."""
    bearer_token_file: Path | None = None
    """A file with a bearer token."""
    basic_auth_file: Path | None = None
    """A file with `user:password`."""
    ca_file: Path | None = None
    """Certificates that the server's own is checked against. Default: those of the system."""
    cert_file: Path | None = None
    """The client's certificate."""
    key_file: Path | None = None
    """The key of the client's certificate."""
    insecure_skip_verify: bool = False
    """Trust any server."""
    timeout: Duration = 10.0
    """How long one query may take."""
    replica_labels: tuple[str, ...] = ("prometheus_replica", "__replica__")
    """Labels that tell apart Prometheus servers which scrape the same targets."""
    query_bytes: Annotated[int, Field(ge=1_000)] = 60_000
    """The longest query. VictoriaMetrics takes 16000 unless it is told otherwise."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("url must be like http://prometheus.monitoring:9090")
        if parts.query or parts.fragment:
            raise ValueError("url must end with its path, for status shows it: put secrets into headers or files")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _has_one_identity(self) -> "Endpoint":
        if sum((bool(self.bearer_token_file), bool(self.basic_auth_file), "@" in urlsplit(self.url).netloc)) > 1:
            raise ValueError("set one of bearerTokenFile, basicAuthFile and a user in url, not several")
        if self.key_file and not self.cert_file:
            raise ValueError("keyFile needs certFile")
        return self

    @property
    def address(self) -> str:
        """The address without user and password."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def files(self) -> Iterator[Path]:
        """The files that hold secrets or certificates."""
        single = (self.bearer_token_file, self.basic_auth_file, self.ca_file, self.cert_file, self.key_file)
        yield from (path for path in (*single, *self.header_files.values()) if path)

    def all_headers(self) -> dict[str, str]:
        """The headers with their values as they are now. Raises OSError for a file that can't be read."""
        headers = dict(self.headers)
        headers |= {name: path.read_text().strip() for name, path in self.header_files.items()}
        headers |= {name: os.environ.get(variable, "") for name, variable in self.header_env.items()}
        if self.bearer_token_file:
            headers["Authorization"] = f"Bearer {self.bearer_token_file.read_text().strip()}"
        return headers

    def user(self) -> tuple[str, str] | None:
        """User and password. Raises OSError for a file that can't be read."""
        if self.basic_auth_file:
            name, _, password = self.basic_auth_file.read_text().strip().partition(":")
            return name, password
        parts = urlsplit(self.url)
        return (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
