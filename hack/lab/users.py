"""Who may talk to the lab's API server: one token and one kubeconfig for each."""

import base64
import json
import secrets
from pathlib import Path

from lab.settings import NODE_NAME

# Name of the kubeconfig -> user and groups. alice and bob are people without any right, for tests that grant some.
USERS = {
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
    "prometheus": ("lab:prometheus", ""),
    "traefik": ("lab:traefik", ""),
    "alice": ("alice", ""),
    "bob": ("bob", ""),
}


def write_kubeconfigs(folder: Path, tokens: Path, api_url: str, authority: Path) -> None:
    """Write one kubeconfig for each user into folder, and the token file that the API server reads."""
    folder.mkdir(mode=0o700)
    tokens.touch(mode=0o600)
    lines = []
    for name, (user, groups) in USERS.items():
        token = secrets.token_hex(16)
        lines.append(f'{token},{user},{name},"{groups}"\n')
        (folder / name).write_text(json.dumps(kubeconfig(name, api_url, authority.read_bytes(), token), indent=2))
    tokens.write_text("".join(lines))


def kubeconfig(user: str, api_url: str, authority: bytes, token: str) -> dict[str, object]:
    """A kubeconfig with one context, `lab`; JSON is valid where YAML is expected."""
    cluster = {"server": api_url, "certificate-authority-data": base64.b64encode(authority).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}],
    }
