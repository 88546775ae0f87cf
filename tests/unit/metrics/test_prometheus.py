"""Bad days of a server, each one sentence that names no secret."""

import json
import re
import socket
import ssl
import subprocess
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError
from urllib3.exceptions import InsecureRequestWarning

from headgate.metrics.endpoint import Endpoint
from headgate.metrics.prometheus import Prometheus, PrometheusError
from headgate.metrics.questions import Answer, Questions
from headgate.metrics.source import Source
from headgate.metrics.watch import Watch, expand
from headgate.routing.meter import Matcher, Meter

SECRET = "s3cr3t-t0ken"
Serve = Callable[[Callable[[BaseHTTPRequestHandler], None]], Any]


def send(handler: BaseHTTPRequestHandler, code: int, body: str, kind: str = "application/json") -> None:
    data = body.encode()
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def vector(*values: float) -> str:
    result = [{"metric": {}, "value": [0, str(value)]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def asked(url: str, **more: Any) -> Any:
    prometheus = Prometheus("default", Endpoint(url=url, **more))
    try:
        return prometheus.query("up", 1000.0)
    finally:
        prometheus.close()


def sentence(url: str, **more: Any) -> str:
    with pytest.raises(PrometheusError) as caught:
        asked(url, **more)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


ERROR = json.dumps({"status": "error", "errorType": "bad_data", "error": f"parse error near {SECRET}"})


@pytest.mark.parametrize(("code", "body", "words"), [
    (500, "oops", "answers with an error (500)"),
    (503, ERROR, "answers with an error (503): parse error near ***"),
    (400, ERROR, "rejects the query: parse error near ***"),
    (422, ERROR, "rejects the query: parse error near ***"),
    (400, "<html>", "answers with an error (400)"),
    (401, SECRET, "refuses the credentials (401): check them in the configuration"),
    (403, "", "refuses the credentials (403)"),
    (404, "", "has no query API there (404): check the path of its url"),
    (429, "slow down", "answers with an error (429)"),
    (200, "<html>log in</html>", "answers, but not as a Prometheus does: check its url"),
    (200, "[]", "answers, but not as a Prometheus does"),
    (200, '{"data": null}', "answers, but not as a Prometheus does"),
    (200, '{"data": {"result": {}}}', "answers, but not as a Prometheus does"),
])  # fmt: skip
def test_each_bad_answer_has_its_sentence(serve: Serve, code: int, body: str, words: str) -> None:
    server = serve(lambda handler: send(handler, code, body))

    said = sentence(server.url, headers={"Authorization": f"Bearer {SECRET}"})

    assert said.startswith(f"Prometheus default ({server.url}) ")
    assert words in said


def test_a_server_that_is_down_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    assert sentence(url).endswith("refused the connection: is it running?")


def test_a_name_that_is_unknown_is_said() -> None:
    assert "can't be found" in sentence("http://prometheus.invalid:9090")


def test_a_server_that_hangs_is_given_up(serve: Serve) -> None:
    done = threading.Event()
    server = serve(lambda _: print(end="" if done.wait(10) else "late"))

    assert sentence(server.url, timeout="1s").endswith("did not answer within 1s")
    done.set()


@pytest.fixture
def raw() -> Iterator[Callable[[bytes], str]]:
    """Starts servers that send the same bytes to everyone."""
    sockets = []

    def start(answer: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in sockets:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_another_protocol_is_said(raw: Callable[[bytes], str]) -> None:
    assert "check its url" in sentence(f"http://{raw(b'SSH-2.0-OpenSSH_9.2' + bytes((13, 10)))}")


def test_a_server_without_tls_is_said(raw: Callable[[bytes], str]) -> None:
    address = raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    assert "check whether its url is http" in sentence(f"https://{address}")


def test_a_server_is_trusted_only_with_its_authority(serve: Serve, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = serve(lambda handler: send(handler, 200, vector(1.0)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http:", "https:")

    assert sentence(url).endswith("has a certificate that is not trusted: set caFile to the one that signed it")
    assert asked(url, ca_file=certificate)
    with pytest.warns(InsecureRequestWarning):
        assert asked(url, insecure_skip_verify=True)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
def test_a_connection_that_breaks_is_said(raw: Callable[[bytes], str], answer: bytes) -> None:
    assert "broke the connection" in sentence(f"http://{raw(answer)}")


def test_a_gateway_that_fails_once_is_asked_again(serve: Serve) -> None:
    answers = iter([(503, ""), (200, vector(1.0))])
    server = serve(lambda handler: send(handler, *next(answers)))

    assert asked(server.url)[0]["value"] == [0, "1.0"]


def test_a_query_is_sent_again_once_and_after_a_moment_that_differs(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that comes back must not be met by all operators in the same instant."""
    naps: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=naps.append))
    server = serve(lambda handler: send(handler, 503, ""))

    said = [sentence(server.url) for _ in range(6)]

    assert all("answers with an error (503)" in one for one in said)
    assert len(server.asked) == 12
    assert len(set(naps)) == 6
    assert all(0.1 <= nap <= 0.5 for nap in naps)


def test_queries_are_sent_in_the_body(serve: Serve) -> None:
    """An address of 24 KiB passes few proxies."""
    server = serve(lambda handler: send(handler, 200, vector(1.0)))

    asked(f"{server.url}/prometheus/")

    path, headers, body = server.asked[0]
    assert path == "/prometheus/api/v1/query"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body.decode()) == {
        "query": ["up"], "time": ["1000.000"], "partial_response": ["false"], "nocache": ["1"]
    }  # fmt: skip


def test_headers_come_from_the_configuration_from_files_and_from_the_environment(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda handler: send(handler, 200, vector(1.0)))
    (tmp_path / "tenant").write_text("shop\n")
    monkeypatch.setenv("PROMETHEUS_KEY", SECRET)

    asked(
        server.url,
        headers={"X-Plain": "plain"},
        header_files={"X-Scope-OrgID": tmp_path / "tenant"},
        header_env={"X-Key": "PROMETHEUS_KEY"},
    )

    headers = server.asked[0][1]
    assert (headers["X-Plain"], headers["X-Scope-OrgID"], headers["X-Key"]) == ("plain", "shop", SECRET)


def test_a_token_is_read_anew_when_its_file_changes(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda handler: send(handler, 200, vector(1.0)))
    token = tmp_path / "token"
    prometheus = Prometheus("default", Endpoint(url=server.url, bearer_token_file=token))
    for value in ("first", "second"):
        token.write_text(f"{value}\n")
        prometheus.query("up", 0)
    prometheus.close()

    assert [headers["Authorization"] for _, headers, _ in server.asked] == ["Bearer first", "Bearer second"]


def test_user_and_password_come_from_a_file_or_the_address(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda handler: send(handler, 200, vector(1.0)))
    (tmp_path / "user").write_text(f"me:{SECRET}\n")

    asked(server.url, basic_auth_file=tmp_path / "user")
    asked(server.url.replace("//", f"//me:{SECRET}@"))

    expected = "Basic " + b64encode(f"me:{SECRET}".encode()).decode()
    assert [headers["Authorization"] for _, headers, _ in server.asked] == [expected, expected]


def test_the_machines_netrc_and_proxies_are_not_used(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda handler: send(handler, 200, vector(1.0)))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    asked(server.url, headers={"Authorization": "Bearer mine"})

    assert server.asked[0][1]["Authorization"] == "Bearer mine"


def test_an_empty_password_does_not_spoil_the_sentence(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "user").write_text("me")
    server = serve(lambda handler: send(handler, 503, json.dumps({"error": "overloaded"})))

    assert sentence(server.url, basic_auth_file=tmp_path / "user").endswith("answers with an error (503): overloaded")


def test_a_user_in_the_address_is_never_shown() -> None:
    url = f"http://me:{SECRET}@127.0.0.1:1"

    assert "(http://127.0.0.1:1)" in sentence(url)
    assert SECRET not in repr(Endpoint(url=url, headers={"X-Key": SECRET}))


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    said = sentence("http://127.0.0.1:1", bearer_token_file=tmp_path / "absent")

    assert said.endswith("absent can't be read: No such file or directory")


@pytest.mark.parametrize(("fields", "words"), [
    ({"url": f"ftp://me:{SECRET}@host"}, "url must be like http://"),
    ({"url": "prometheus:9090"}, "url must be like http://"),
    ({"url": f"http://host/?token={SECRET}"}, "put secrets into headers or files"),
    ({"url": f"http://host/#{SECRET}"}, "put secrets into headers or files"),
    ({"url": f"http://me:{SECRET}@host", "bearerTokenFile": "/token"}, "set one of"),
    ({"url": "http://host", "keyFile": "/key"}, "keyFile needs certFile"),
    ({"url": "http://host", "timeout": "soon"}, "is not a duration"),
    ({"url": "http://host", "token": SECRET}, "Extra inputs are not permitted"),
])  # fmt: skip
def test_bad_configuration_is_refused_without_showing_secrets(fields: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Endpoint.model_validate(fields)

    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


METER = Meter("r", "code", "d", (Matcher("service", "=", "shop"),))
WATCH = Watch(("prod", "shop"), "default", METER, METER, since=1000.0, marks=(), interval=15.0, latency=0.3)


def matrix(*series: dict[str, Any]) -> str:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": list(series)}})


def test_a_native_histogram_is_refused_by_name(serve: Serve) -> None:
    """Prometheus gives its samples as `histograms`, without any bucket at a bound."""
    requests = {"metric": {"__name__": "r", "service": "shop", "code": "200"}, "values": [[999, "1"], [1060, "9"]]}
    native = {"metric": {"__name__": "d", "service": "shop"}, "histograms": [[1060, {"count": "9", "sum": "1"}]]}
    server = serve(lambda handler: send(handler, 200, matrix(requests, native)))
    source = Source("default", Endpoint(url=server.url))

    source.refresh([WATCH], 1061.0)

    found = source.metrics(WATCH)
    source.prometheus.close()
    assert found is not None
    assert found.problem == ""
    assert found.problems["latency"] == (
        "d is a native histogram that has no bucket at a bound: let Prometheus scrape its classic buckets too"
    )


@pytest.mark.parametrize("item", [1, {}, {"metric": {"service": "shop"}}, {
    "metric": {"__name__": "r", "service": "shop"}, "values": [["x", "y"]]
}])  # fmt: skip
def test_an_answer_that_no_prometheus_gives_is_a_problem_and_no_crash(serve: Serve, item: Any) -> None:
    server = serve(lambda handler: send(handler, 200, json.dumps({"data": {"result": [item]}})))
    source = Source("default", Endpoint(url=server.url))

    source.refresh([WATCH], 1061.0)

    found = source.metrics(WATCH)
    source.prometheus.close()
    assert found is not None
    assert "not as a Prometheus does" in found.problem


def test_an_answer_to_queries_that_no_prometheus_gives_is_a_problem_and_no_crash(serve: Serve) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        queries = b"headgate_question" in server.asked[-1][2]
        send(handler, 200, json.dumps({"data": {"result": [1]}}) if queries else matrix())

    server = serve(answer)
    source = Source("default", Endpoint(url=server.url))
    asking = replace(WATCH, latency=None, queries=(("q", "vector(1)"),))

    source.refresh([asking], 1061.0)

    found = source.metrics(asking)
    source.prometheus.close()
    assert found is not None
    assert "not as a Prometheus does" in found.problem


def test_a_query_that_one_release_spoils_is_asked_in_halves(serve: Serve) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        spoiled = b"bad" in server.asked[-1][2]
        good = {"metric": {"__name__": "r", "service": "good3", "code": "200"}, "values": [[1059, "9"]]}
        send(handler, 422 if spoiled else 200, ERROR if spoiled else matrix(good))

    server = serve(answer)
    names = ["good1", "good2", "bad", "good3"]
    meters = {name: Meter("r", "code", "d", (Matcher("service", "=", name),)) for name in names}
    watches = [Watch(("prod", name), "default", meters[name], meters[name], 1000.0, (), 15.0) for name in names]
    source = Source("default", Endpoint(url=server.url))

    source.refresh(watches, 1061.0)

    problems = [found.problem for watch in watches if (found := source.metrics(watch))]
    source.prometheus.close()
    assert ["rejects the query" in problem for problem in problems] == [False, False, True, False]
    assert problems[3] == ""


def test_releases_that_begin_are_read_in_parts_that_fit_into_memory(serve: Serve) -> None:
    """A restarted operator reads an hour and more of each: of a thousand at once that is more than its limit."""
    server = serve(lambda handler: send(handler, 200, matrix()))
    meters = [Meter("r", "code", "d", (Matcher("service", "=", str(number)),)) for number in range(600)]
    watches = [Watch(("prod", str(id(meter))), "default", meter, meter, 1000.0, (), 15.0) for meter in meters]
    source = Source("default", Endpoint(url=server.url))

    source.refresh(watches, 1061.0)
    first = source.prometheus.queries
    source.refresh(watches, 1076.0)
    source.prometheus.close()

    assert (first, source.prometheus.queries - first) == (4, 1)


def test_a_histogram_where_a_number_should_be_is_no_number_and_hurts_nobody(serve: Serve) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        token = re.search(r'"(\w{16})"', parse_qs(server.asked[-1][2].decode())["query"][0])
        item = {"metric": {"headgate_question": token[1] if token else ""}, "histogram": [0, {"count": "1"}]}
        send(handler, 200, json.dumps({"data": {"result": [item]}}))

    server = serve(answer)
    prometheus = Prometheus("default", Endpoint(url=server.url))

    assert Questions(prometheus).answers(["rate(native[5m])"], 1000.0) == {"rate(native[5m])": None}
    prometheus.close()


ASKED = re.compile(r'topk\(2, \(\n(.*?)\n\)\), "headgate_question", "(\w+)"')


def slow_for(pattern: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers queries with 1, but gives up on those that match, as Prometheus does after its own timeout."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        query = parse_qs(handler.server.asked[-1][2].decode())["query"][0]  # type: ignore[attr-defined]
        if re.search(pattern, query):
            send(handler, 503, json.dumps({"error": "query timed out in expression evaluation"}))
            return
        items = [{"metric": {"headgate_question": token}, "value": [0, "1"]} for _, token in ASKED.findall(query)]
        send(handler, 200, json.dumps({"data": {"result": items}}))

    return answer


def test_a_query_that_is_too_slow_is_set_apart_and_holds_up_no_other(serve: Serve) -> None:
    """Given one of 40 that share a request, it is found by halves; a check waits for one that is slow at most."""
    server = serve(slow_for("slowest"))
    prometheus = Prometheus("default", Endpoint(url=server.url))
    good, slow = [f"a{number}" for number in range(39)], "max_over_time(slowest[30d])"
    questions, found = Questions(prometheus), dict[str, Answer]()
    for check in range(8):
        server.asked.clear()
        with suppress(PrometheusError):
            found = questions.answers([*good, slow], 15.0 * check)
        failures = sum(b"slowest" in body for _, _, body in server.asked)
        assert failures <= 2, "the library asks once again after a 503"

    assert [found[text] for text in good] == [1.0] * 39
    assert "query timed out" in str(found[slow])

    server.asked.clear()
    questions.answers([*good, slow], 125.0)
    assert not any(b"slowest" in body for _, _, body in server.asked)
    prometheus.close()


def test_queries_that_are_slow_together_are_asked_in_parts_from_then_on(serve: Serve) -> None:
    server = serve(slow_for("first(?s:.*)last"))
    prometheus = Prometheus("default", Endpoint(url=server.url))
    questions, found = Questions(prometheus), list[int]()
    for check in range(6):
        with suppress(PrometheusError):
            answers = questions.answers(["first", "second", "third", "z_last"], 15.0 * check)
            found.append(list(answers.values()).count(1.0))

    assert found == [4] * 5
    prometheus.close()


def test_a_server_that_answers_no_query_is_the_servers_fault(serve: Serve) -> None:
    server = serve(slow_for(""))
    prometheus = Prometheus("default", Endpoint(url=server.url))
    questions = Questions(prometheus)
    for check in range(5):
        with pytest.raises(PrometheusError, match="query timed out"):
            questions.answers(["a", "b"], 15.0 * check)
    server.answer = slow_for("nothing")
    assert questions.answers(["a", "b"], 90.0) == {"a": 1.0, "b": 1.0}
    prometheus.close()


def test_an_answer_too_large_for_the_operator_is_not_read(serve: Serve) -> None:
    """It would be killed for its memory, and again after each restart; the releases that share the query are halved."""
    sent = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):
            for _ in range(100):
                handler.wfile.write(b" " * 2**20)
                sent.append(1)

    with pytest.raises(PrometheusError, match=r"answers with more than 24 MiB: too many series match") as caught:
        asked(serve(answer).url)
    assert caught.value.rejected
    assert len(sent) < 100


def test_variables_of_a_query_are_replaced() -> None:
    text = 'up{pod=~"$(candidate)-.*", ns="$(namespace)"} > $(unknown)'

    assert expand(text, {"candidate": "6f9c", "namespace": "prod"}) == 'up{pod=~"6f9c-.*", ns="prod"} > $(unknown)'
