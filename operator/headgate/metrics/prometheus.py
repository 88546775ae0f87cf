"""One Prometheus server: a query in, its result or one sentence out."""

import ast
import json
import re
from contextlib import suppress
from functools import partial
from random import uniform
from typing import Any

import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from urllib3.util import Retry

from headgate.api.fields import format_duration
from headgate.metrics.batch import compact
from headgate.metrics.endpoint import Endpoint

Result = list[Any]
"""A vector or a matrix as the API gives it, or the pair of a scalar."""

_CONNECT_TIMEOUT = 5.0
_BACKOFF = 0.1, 0.5
"""Seconds before a query is sent again."""
_LONGEST_QUOTE = 200
_MOST_MIB = 24
"""The largest answer that is read: it is there three times for a moment, as bytes, as text and as numbers."""
_TOLERANT = {"partial_response": "false", "nocache": "1"}
"""Thanos must not leave out a store in silence; VictoriaMetrics must not shift the newest samples. Others ignore it."""


class PrometheusError(Exception):
    """Why there is no answer, in one sentence without credentials. `rejected`: the query itself is at fault."""

    def __init__(self, sentence: str, *, rejected: bool = False) -> None:
        super().__init__(sentence)
        self.rejected = rejected


class _TooLargeError(requests.RequestException):
    """An answer that would not fit into the operator's memory."""


class _OneMore(Retry):
    """One more try after a random moment: operators that a server failed all at once must not ask all at once again.

    Of its own accord urllib3 tries the first time without any delay.
    """

    def get_backoff_time(self) -> float:
        return uniform(*_BACKOFF) if self.history else 0.0  # noqa: S311 (no secret)


class _FormSession(requests.Session):
    """Sends parameters in the body, for a query for many releases is too long for an address; packs what comes back."""

    def request(self, method: str, url: str, params: Any = None, **more: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 (the library's own types)
        response = super().request(method, url, data=params, stream=True, **more)
        response._content = _bounded(response)  # noqa: SLF001 (as `content` sets it)
        # Packed while it is parsed: the library would hold every number of every release as an object.
        response.json = partial(response.json, object_hook=compact)  # type: ignore[method-assign]
        return response


def _bounded(response: requests.Response) -> bytes:
    """The body of an answer. Raises _TooLargeError, before it is all there."""
    parts, size = [], 0
    for part in response.iter_content(2**18):
        parts.append(part)
        size += len(part)
        if size > _MOST_MIB * 2**20:
            response.close()
            raise _TooLargeError
    return b"".join(parts)


class Prometheus:
    """Queries one server. Not for several threads at once."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self.endpoint = endpoint
        self.queries = 0
        """How many queries were sent."""
        self._connect: PrometheusConnect | None = None
        self._made_with: object = None
        self._secrets: list[str] = []

    @property
    def title(self) -> str:
        """How sentences name it."""
        return f"Prometheus {self.name} ({self.endpoint.address})"

    def query(self, text: str, at: float, *, most: int = 0) -> Result:
        """The result of an instant query at a moment, of `most` series where the server can. Raises PrometheusError."""
        limit = {"limit": str(most)} if most else {}
        try:
            connect = self._connected()
            self.queries += 1
            result: Result = connect.custom_query(text, params={"time": f"{at:.3f}", **_TOLERANT, **limit})
        except _TooLargeError:
            too_large = f"answers with more than {_MOST_MIB} MiB: too many series match"
            raise PrometheusError(f"{self.title} {too_large}", rejected=True) from None
        except PrometheusApiClientException as error:
            raise self._refusal(str(error)) from None
        except requests.RequestException as error:
            raise PrometheusError(f"{self.title} {self._failure(error)}") from None
        except OSError as error:
            raise PrometheusError(f"{self.title}: {error.filename} can't be read: {error.strerror}") from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise PrometheusError(f"{self.title} {NOT_PROMETHEUS}") from None
        if not isinstance(result, list):
            raise PrometheusError(f"{self.title} {NOT_PROMETHEUS}")
        return result

    def close(self) -> None:
        """Closes its connections."""
        if self._connect is not None:
            self._connect.close()
            self._connect = None

    def _connected(self) -> PrometheusConnect:
        """The client, made anew when a secret has changed."""
        endpoint = self.endpoint
        headers, user = endpoint.all_headers(), endpoint.user()
        made_with = (headers, user, [path.stat().st_mtime_ns for path in endpoint.files()])
        if self._connect is None or made_with != self._made_with:
            self.close()
            self._connect, self._made_with = self._made(headers, user), made_with
            self._secrets = [word for value in headers.values() for word in value.split()] + [*(user or ())[1:]]
        return self._connect

    def _made(self, headers: dict[str, str], user: tuple[str, str] | None) -> PrometheusConnect:
        endpoint, session = self.endpoint, _FormSession()
        # The environment's netrc would replace the Authorization header, its proxies the route.
        session.trust_env = False
        session.verify = not endpoint.insecure_skip_verify and (str(endpoint.ca_file) if endpoint.ca_file else True)
        if endpoint.cert_file:
            session.cert = (
                (str(endpoint.cert_file), str(endpoint.key_file)) if endpoint.key_file else str(endpoint.cert_file)
            )
        return PrometheusConnect(
            url=endpoint.address,
            headers=headers,
            auth=user,
            session=session,
            method="POST",
            timeout=(min(_CONNECT_TIMEOUT, endpoint.timeout), endpoint.timeout),
            retry=_OneMore(
                total=1,
                read=0,
                status_forcelist=(429, 502, 503, 504),
                allowed_methods=None,
                respect_retry_after_header=False,
                raise_on_status=False,
            ),
        )

    def _refusal(self, text: str) -> PrometheusError:
        """The error of an answer that is no success."""
        found = re.match(r"HTTP Status Code (\d+) \((b.*)\)$", text, re.DOTALL)
        code, reason = (int(found[1]), _reason_in(found[2])) if found else (0, "")
        said = f": {self._redacted(reason)}" if reason else ""
        if code in {400, 422} and reason:
            return PrometheusError(f"{self.title} rejects the query{said}", rejected=True)
        if code in {401, 403}:
            return PrometheusError(f"{self.title} refuses the credentials ({code}): check them in the configuration")
        if code == 404:
            return PrometheusError(f"{self.title} has no query API there (404): check the path of its url")
        return PrometheusError(f"{self.title} answers with an error ({code}){said}")

    def _failure(self, error: requests.RequestException) -> str:
        """What went wrong before there was an answer."""
        known = next((words for sign, words in _CAUSES.items() if sign in str(error)), "")
        if known:
            return known
        if isinstance(error, requests.exceptions.SSLError):
            return "has a certificate that is not trusted: set caFile to the one that signed it"
        if isinstance(error, requests.Timeout) or "Read timed out" in str(error):
            return f"did not answer within {format_duration(self.endpoint.timeout)}"
        if isinstance(error, requests.exceptions.JSONDecodeError):
            return NOT_PROMETHEUS
        if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            return "broke the connection"
        return "can't be asked: check its url and headers"

    def _redacted(self, text: str) -> str:
        for secret in filter(None, self._secrets):
            text = text.replace(secret, "***")
        return text


NOT_PROMETHEUS = "answers, but not as a Prometheus does: check its url"
_CAUSES = {
    "Connection refused": "refused the connection: is it running?",
    "Name or service not known": "can't be found: its name is unknown",
    "No address associated": "can't be found: its name is unknown",
    "Temporary failure in name resolution": "can't be found: name resolution fails",
    "BadStatusLine": "does not speak HTTP: check its url",
    "wrong version number": "does not speak TLS: check whether its url is http",
}


def _reason_in(body: str) -> str:
    """The `error` of an answer of the API, given as the text of a bytes literal; empty for any other body."""
    with suppress(ValueError, SyntaxError, TypeError, AttributeError):
        return str(json.loads(ast.literal_eval(body)).get("error", ""))[:_LONGEST_QUOTE]
    return ""
