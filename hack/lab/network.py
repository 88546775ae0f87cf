"""The lab's one link to the host, and the address ranges inside the lab."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from lab.cache import lock
from lab.layout import identity
from lab.progress import LabError, run

# These exist only in the lab's network namespace, so every lab has the same.
POD_RANGE = "10.244.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"

_LINKS = IPv4Network("10.200.0.0/16")
_LINK_SIZE = 4  # addresses of a /30


@dataclass(frozen=True)
class Link:
    """One veth pair: `name` at the host's end with address `host`, eth0 with address `lab` at the other."""

    name: str
    host: str
    lab: str


def choose_link(folder: Path, taken: Iterable[IPv4Network]) -> Link:
    """The link for the lab of this folder: the /30 that its path hashes to, or the next one that is free."""
    count = _LINKS.num_addresses // _LINK_SIZE
    start = int(identity(folder), 16) % count
    # A wider route, such as a company's 10.0.0.0/8, does not make a /30 within it unusable.
    used = [network for network in taken if network.prefixlen >= _LINKS.prefixlen]
    blocks = (IPv4Network((_LINKS[(start + step) % count * _LINK_SIZE], 30)) for step in range(count))
    free = next(block for block in blocks if not any(block.overlaps(network) for network in used))
    host, lab = free.hosts()
    return Link(_name(folder), str(host), str(lab))


def connect(folder: Path, init: int) -> Link:
    """Choose a free link and make it between the host and the network namespace of process init."""
    with lock("network"):
        link = choose_link(folder, _networks_of_host())
        run(["ip", "link", "add", link.name, "type", "veth", "peer", "name", "eth0", "netns", str(init)])
        run(["ip", "address", "add", f"{link.host}/30", "dev", link.name])
        run(["ip", "link", "set", link.name, "up"])
    inside = ["nsenter", f"--target={init}", "--net", "ip", "-batch", "-"]
    # A ClusterIP needs a route before kube-proxy's rules see the packet; it never leaves by this one.
    commands = (
        "link set lo up",
        f"address add {link.lab}/30 dev eth0",
        "link set eth0 up",
        f"route add {SERVICE_RANGE} dev eth0",
    )
    run(inside, stdin="\n".join(commands) + "\n")
    return link


def disconnect(folder: Path) -> None:
    """Remove the lab's link; its other end goes with it."""
    # The kernel does so too, a moment after the lab's last process ended, so this may come too late.
    subprocess.run(["ip", "link", "delete", _name(folder)], capture_output=True, check=False)
    if (Path("/sys/class/net") / _name(folder)).exists():
        raise LabError(f"the link {_name(folder)} is still there: ip link delete {_name(folder)}")


def _name(folder: Path) -> str:
    return f"hg-{identity(folder)}"


def _networks_of_host() -> list[IPv4Network]:
    routes = json.loads(run(["ip", "-4", "-json", "route", "show", "table", "all"]))
    return [IPv4Network(route["dst"]) for route in routes if route["dst"] != "default"]
