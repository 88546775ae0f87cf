"""What the parts of one running lab agree on."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Self

from lab import network
from lab.layout import CONFIG, identity

NODE_NAME = "lab"


@dataclass(frozen=True)
class Settings:
    """One lab of the processes driver; its file is written once, before anything of it runs."""

    folder: Path
    link: network.Link
    only_api: bool
    api_server_flags: tuple[str, ...]
    pause_image: str
    cni_plugins: str

    @property
    def cgroup(self) -> str:
        """The cgroup, in every hierarchy, that the kubelet puts the pods in."""
        return cgroup_of(self.folder)

    @property
    def address(self) -> str:
        """The lab's address: of its node, API server, proxy and Prometheus."""
        return self.link.lab

    @property
    def api_url(self) -> str:
        return f"https://{self.address}:6443"

    @property
    def proxy_url(self) -> str:
        """The URL that Traefik answers on."""
        return f"http://{self.address}"

    @property
    def prometheus_url(self) -> str:
        return f"http://{self.address}:9090"

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    def kubeconfig(self, user: str) -> str:
        return str(self.folder / "kubeconfig" / user)

    def configure(self, template: str, **values: str) -> Path:
        """Fill the template of hack/lab/config into the lab's own config folder and return the file."""
        text = (CONFIG / template).read_text()
        known = {"folder": self.folder, "address": self.address, "cgroup": self.cgroup, "pause_image": self.pause_image}
        path = self.folder / "config" / template
        path.parent.mkdir(exist_ok=True)
        path.write_text(Template(text).substitute(known, **values))
        return path

    def save(self) -> None:
        (self.folder / "settings.json").write_text(json.dumps(dataclasses.asdict(self), default=str, indent=2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what save() wrote; FileNotFoundError when there is no such lab."""
        values = json.loads((folder / "settings.json").read_text())
        values |= {
            "folder": Path(values["folder"]),
            "link": network.Link(**values["link"]),
            "api_server_flags": tuple(values["api_server_flags"]),
        }
        return cls(**values)


def cgroup_of(folder: Path) -> str:
    return f"headgate-{identity(folder)}"
