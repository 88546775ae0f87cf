"""A real Prometheus, with a past that a test writes and a target whose counters it sets."""

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from headgate.metrics.endpoint import Endpoint
from headgate.metrics.source import Source
from lab.binaries import PROMETHEUS, build
from tests.unit.metrics.backfill import backfill


@pytest.fixture(scope="session", autouse=True)
def no_implicit_event_loop() -> None:
    """Keeps pytest-asyncio from making a loop that nobody closes, when it looks whether there is one."""
    asyncio.set_event_loop(None)


Handler = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """An HTTP server on loopback whose behaviour a test gives and may change."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Handler) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        """Path, headers and body of each request."""
        super().__init__(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, dict(self.headers.items()), b""))
            server.answer(self)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append((self.path, dict(self.headers.items()), body))
            server.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    return Answering


def reply(handler: BaseHTTPRequestHandler, code: int, body: str, kind: str = "application/json") -> None:
    """Sends a whole answer."""
    data = body.encode()
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], Server]]:
    """Starts HTTP servers that answer as told."""
    servers = []

    def start(answer: Handler) -> Server:
        server = Server(answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Target:
    """A scrape target whose counters a test sets: text lines of the exposition format by name."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.lines: dict[str, float | str] = {}
        self.scraped = threading.Condition()
        server.answer = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        reply(
            handler,
            200,
            "".join(f"{line} {value}\n" for line, value in self.lines.items()),
            "text/plain; version=0.0.4",
        )
        with self.scraped:
            self.scraped.notify_all()


@pytest.fixture
def target(serve: Callable[[Handler], Server]) -> Target:
    """The target of a Prometheus started with `run_prometheus(target=...)`."""
    return Target(serve(lambda handler: reply(handler, 200, "")))


Run = Callable[..., str]


@pytest.fixture(scope="session")
def program() -> Path:
    """Prometheus as the lab builds it."""
    return build([PROMETHEUS])["prometheus"]


@pytest.fixture(scope="module")
def run_prometheus(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Starts a Prometheus and returns its address: with a past in the OpenMetrics format, or with a target.

    `scrape` is what is set for all scrapes, as in its configuration file.
    """
    running = []

    def start(past: str = "", target: str = "", scrape: str = "") -> str:
        process, url = _started(program, tmp_path_factory.mktemp("prometheus"), target, scrape)
        running.append(process)
        if past:
            backfill(url, past)
        return url

    yield start
    for process in running:
        process.terminate()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _started(program: Path, folder: Path, target: str, scrape: str) -> "tuple[subprocess.Popen[str], str]":
    """A Prometheus that is ready, and its address."""
    jobs = (
        f"[{{job_name: target, static_configs: [{{targets: ['{target.removeprefix('http://')}']}}]}}]"
        if target
        else "[]"
    )
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s, scrape_timeout: 1s, {scrape}}}\nscrape_configs: {jobs}\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--storage.tsdb.retention.time=100y",
    ]
    process = subprocess.Popen([program, *arguments], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "Server is ready" in line:
            threading.Thread(target=_drain, args=(process,), daemon=True).start()
            return process, f"http://127.0.0.1:{port}"
    raise AssertionError("Prometheus did not start:\n" + "".join(said))


def _drain(process: "subprocess.Popen[str]") -> None:
    """Reads on, so that the pipe never fills."""
    assert process.stderr is not None
    for _ in process.stderr:
        pass


@pytest.fixture
def source(url: str) -> Iterator[Source]:
    """The Prometheus of the module, as the operator asks it."""
    made = Source("default", Endpoint(url=url))
    yield made
    made.prometheus.close()
