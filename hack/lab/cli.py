"""The command line of the lab."""

import argparse
import subprocess
import sys
from pathlib import Path

from lab import binaries, drivers, gateway_api, images, processes, usage
from lab.handle import Lab
from lab.layout import DEFAULT_NAME
from lab.progress import LabError, say

_GROUPS = [
    binaries.CONTROL_PLANE,
    binaries.NODE,
    binaries.TOOLS,
    binaries.TRAEFIK,
    binaries.PROMETHEUS,
    binaries.PAUSE,
    binaries.SAMPLE,
    binaries.LOAD,
]


def main() -> int:
    """Run one verb; return the exit status."""
    arguments = _parser().parse_args()
    try:
        status: int = arguments.verb(arguments) or 0
    except (LabError, ValueError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/lab", description="A real Kubernetes cluster for tests and the demo.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, action: object, text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.add_argument("--name", default=DEFAULT_NAME, help="which lab; several can run at once")
        added.set_defaults(verb=action)
        return added

    up = verb("up", _up, "start the cluster, Prometheus and the ingress controller; print how to use them")
    up.add_argument("--driver", choices=drivers.NAMES, help="default: kind where Docker and kind are, else processes")
    up.add_argument("--only", choices=["api"], help="api: etcd, API server and controllers, without node and proxies")
    up.add_argument("--api-server-flag", action="append", default=[], metavar="FLAG", help="pass on, e.g. --v=4")
    verb("down", _down, "stop everything and remove what is left of it")
    verb("status", _status, "print the state of each component and what the lab costs")
    verb("load-image", _load_image, "load operator, sample, or an image archive; print its reference").add_argument(
        "image"
    )
    kubeconfig = verb("kubeconfig", _kubeconfig, "print the path of a kubeconfig")
    kubeconfig.add_argument("--user", default="admin", help="admin (default), alice or bob (without any rights)")
    verb("build", _build, "build the programs and print where they are")
    verb("image", _image, "build an image archive and print its path").add_argument(
        "image", choices=["operator", "sample"]
    )
    verb("stop", _stop, "stop a component, e.g. prometheus").add_argument("component")
    verb("start", _start, "start a component that was stopped").add_argument("component")
    verb("set", _set, "change the running lab").add_argument("setting", help="prometheus.scrape-interval=30s")
    run = verb("run", _run, "run a command in the lab's namespaces")
    run.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND ...")
    return parser


def _up(arguments: argparse.Namespace) -> None:
    lab = drivers.up(
        arguments.driver, arguments.name, only_api=arguments.only == "api", flags=tuple(arguments.api_server_flag)
    )
    say("ready")
    print(f"export KUBECONFIG={lab.kubeconfig}")
    print(f'export PATH={lab.folder}/bin:"$PATH"')
    addresses = {"ingress": lab.proxy_url, "Traefik's API": lab.proxy_api_url, "Prometheus": lab.prometheus_url}
    for what, url in addresses.items():
        if url:
            print(f"# {what}: {url}")


def _down(arguments: argparse.Namespace) -> None:
    drivers.down(arguments.name)


def _status(arguments: argparse.Namespace) -> int:
    lab = Lab.load(arguments.name)
    if lab.driver != "processes":
        print(lab.kubectl("get", "nodes,pods", "--all-namespaces"), end="")
        return 0
    states = processes.status(lab)
    for component, state in states.items():
        print(f"{component:24} {state}")
    print(usage.measure(lab.folder))
    return 0 if all(state in {"ready", "done"} for state in states.values()) else 1


def _load_image(arguments: argparse.Namespace) -> None:
    lab = Lab.load(arguments.name)
    if Path(arguments.image).is_file():
        drivers.of(lab).load_image(lab, Path(arguments.image))
    else:
        image = images.image(arguments.image)
        drivers.of(lab).load_image(lab, image.archive)
        print(image.reference)


def _kubeconfig(arguments: argparse.Namespace) -> None:
    path = Lab.load(arguments.name).kubeconfig_of(arguments.user)
    if not path.exists():
        raise LabError(
            f"no user {arguments.user}: there are {', '.join(sorted(file.name for file in path.parent.iterdir()))}"
        )
    print(path)


def _build(_arguments: argparse.Namespace) -> None:
    gateway_api.definitions()
    for path in binaries.build(_GROUPS).values():
        print(path)


def _image(arguments: argparse.Namespace) -> None:
    print(images.image(arguments.image).archive)


def _stop(arguments: argparse.Namespace) -> None:
    processes.stop(_of_processes(arguments), arguments.component)


def _start(arguments: argparse.Namespace) -> None:
    processes.start(_of_processes(arguments), arguments.component)


def _set(arguments: argparse.Namespace) -> None:
    name, _, value = arguments.setting.partition("=")
    if name != "prometheus.scrape-interval":
        raise LabError(f"no setting {name!r}: there is prometheus.scrape-interval=DURATION")
    processes.set_scrape_interval(_of_processes(arguments), value)


def _run(arguments: argparse.Namespace) -> int:
    lab = _of_processes(arguments)
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise LabError("run what? hack/lab run -- COMMAND")
    return subprocess.run(processes.in_namespaces(lab.folder, command), env=lab.environment(), check=False).returncode


def _of_processes(arguments: argparse.Namespace) -> Lab:
    lab = Lab.load(arguments.name)
    if lab.driver != "processes":
        raise LabError(f"only the processes driver can do this, and {lab.name} has the driver {lab.driver}")
    return lab
