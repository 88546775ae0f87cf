"""The kinds of the Gateway API, as its own Go module has them: those that Traefik watches."""

import shutil
from pathlib import Path

from lab.cache import built
from lab.go_toolchain import module_folder

# The one that Traefik is built with.
_VERSION = "1.6.1"
_KINDS = (
    "gatewayclasses",
    "gateways",
    "httproutes",
    "grpcroutes",
    "tlsroutes",
    "referencegrants",
    "backendtlspolicies",
)


def definitions() -> Path:
    """A folder with the CRDs."""
    return built("gateway-api", "definitions", _VERSION, _copy)


def _copy(folder: Path) -> None:
    source = module_folder(f"sigs.k8s.io/gateway-api@v{_VERSION}") / "config" / "crd" / "standard"
    for kind in _KINDS:
        shutil.copy(source / f"gateway.networking.k8s.io_{kind}.yaml", folder)
