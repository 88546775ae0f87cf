"""The lab's Go programs: Kubernetes, Traefik, kubectl, Helm and the project's own, built from source and kept."""

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.cache import built, content_key, is_built
from lab.go_toolchain import go, go_environment, module_folder
from lab.layout import HACK
from lab.progress import run_long, say

_GO = HACK / "lab" / "go"
_VERSION = "k8s.io/component-base/version."
# Without a version, clients that parse the server's answer refuse it.
_KUBERNETES_FLAGS = f"-X {_VERSION}gitVersion=v1.36.3 -X {_VERSION}gitMajor=1 -X {_VERSION}gitMinor=36"


@dataclass(frozen=True)
class Group:
    """Programs of one Go module that one `go build` makes; minutes is what it takes on two cores from nothing."""

    name: str
    module: Path
    packages: tuple[str, ...]
    minutes: float
    flags: str = ""
    tags: str = ""
    static: bool = False
    prepare: Callable[[Path], None] = lambda _folder: None

    @property
    def key(self) -> str:
        """Change with every source file and flag that the programs are made from."""
        shared = [path for name in ("go.mod", "go.sum", "replaced") if (path := self.module / name).exists()]
        own = [self.module / package for package in self.packages if package.startswith(".")]
        options = (*self.packages, self.flags, self.tags, str(self.static), platform.machine())
        return content_key(*shared, *own, *options)


def with_acme_client(folder: Path) -> None:
    """Complete the module in folder by lego's packages without its DNS providers, from the module cache."""
    source = module_folder("github.com/go-acme/lego/v5@v5.4.1")
    for package in (
        "acme",
        "certcrypto",
        "certificate",
        "challenge",
        "internal",
        "lego",
        "log",
        "platform",
        "registration",
    ):
        shutil.copytree(
            source / package, folder / "replaced" / "lego" / package, ignore=shutil.ignore_patterns("*_test.go")
        )


CONTROL_PLANE = Group("control-plane", _GO / "kubernetes", ("./control-plane",), 7, _KUBERNETES_FLAGS)
NODE = Group("node", _GO / "kubernetes", ("./node",), 1, _KUBERNETES_FLAGS)
TOOLS = Group(
    "tools",
    _GO / "kubernetes",
    ("k8s.io/kubernetes/cmd/kubectl", "helm.sh/helm/v4/cmd/helm", "./health"),
    2,
    _KUBERNETES_FLAGS,
)
TRAEFIK = Group(
    "traefik",
    _GO / "traefik",
    ("github.com/traefik/traefik/v3/cmd/traefik",),
    6,
    "-X github.com/traefik/traefik/v3/pkg/version.Version=3.7.13",
    prepare=with_acme_client,
)
PROMETHEUS = Group(
    "prometheus",
    _GO / "prometheus",
    ("github.com/prometheus/prometheus/cmd/prometheus",),
    4,
    "-X github.com/prometheus/common/version.Version=3.13.5",
    # Debian's Prometheus finds no pods: it is built without Kubernetes discovery. This one is built with no other.
    tags="netgo,remove_all_sd,enable_kubernetes_sd",
)
PAUSE = Group("pause", _GO / "pause", (".",), 0.5, static=True)
SAMPLE = Group("sample", HACK / "sample", (".",), 0.5, static=True)
LOAD = Group("load", HACK / "load", (".",), 0.5, static=True)


def build(groups: list[Group]) -> dict[str, Path]:
    """The programs of the groups by name, built unless they are in the cache."""
    missing = [group for group in groups if not is_built("binaries", group.name, group.key)]
    if sum(group.minutes for group in missing) > 1:
        names = ", ".join(group.name for group in missing)
        minutes = sum(group.minutes for group in missing) * 2 / (os.cpu_count() or 2)
        say(f"building {names} from source, once")
        say(f"about {minutes:.0f} min where nothing else runs, less where Go has compiled parts of it before")
    folders = [built("binaries", group.name, group.key, _builder(group)) for group in groups]
    return {program.name: program for folder in folders for program in folder.iterdir()}


def link(folder: Path, programs: dict[str, Path]) -> None:
    """Offer the programs in a folder of a lab's own, for its PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in programs.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(program)


def _builder(group: Group) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        say(f"building {group.name}")
        work = folder / "work"
        shutil.copytree(group.module, work)
        group.prepare(work)
        environment = go_environment() | ({"CGO_ENABLED": "0"} if group.static else {})
        command = [go(), "build", "-v", "-trimpath", "-buildvcs=false", f"-tags={group.tags}"]
        command.append(f"-ldflags=-s -w {group.flags}".strip())
        run_long(
            [*command, "-o", f"{folder}/", *group.packages],
            f"building {group.name}",
            work / "build.log",
            cwd=work,
            env=environment,
            counted="modules fetched and packages compiled",
        )
        shutil.rmtree(work)

    return make
