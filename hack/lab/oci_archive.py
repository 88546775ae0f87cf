"""Container images as files: OCI layouts packed so that containerd, kind and `docker load` all read them."""

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_OCI = "application/vnd.oci.image"
_NOBODY = 65532
_DIGEST_LENGTH = 64


@dataclass(frozen=True)
class Blob:
    """Content with the media type it is to be understood by."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def descriptor(self) -> dict[str, object]:
        return {"mediaType": self.media_type, "digest": f"sha256:{self.digest}", "size": len(self.content)}


def write_static_image(archive: Path, program: Path, references: tuple[str, ...]) -> None:
    """Write an image that is nothing but one static program, run as nobody, under all of the references."""
    layer = Blob(_layer(program), f"{_OCI}.layer.v1.tar")
    config = Blob(
        json.dumps(
            {
                "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": {"Entrypoint": [f"/{program.name}"], "User": f"{_NOBODY}:{_NOBODY}"},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}"]},
            }
        ).encode(),
        f"{_OCI}.config.v1+json",
    )
    description = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": config.descriptor(),
        "layers": [layer.descriptor()],
    }
    manifest = Blob(json.dumps(description).encode(), f"{_OCI}.manifest.v1+json")
    with tarfile.open(archive, "w") as tar:
        for blob in (layer, config, manifest):
            _add(tar, f"blobs/sha256/{blob.digest}", blob.content)
        _add_indexes(tar, manifest, references)


def pack_blobs(archive: Path, folder: Path, references: tuple[str, ...]) -> None:
    """Write an image that buildah pushed to `dir:folder` (blobs by digest, and its manifest) under the references."""
    manifest = Blob((folder / "manifest.json").read_bytes(), f"{_OCI}.manifest.v1+json")
    with tarfile.open(archive, "w") as tar:
        _add(tar, f"blobs/sha256/{manifest.digest}", manifest.content)
        for file in folder.iterdir():
            if len(file.name) == _DIGEST_LENGTH:
                tar.add(file, f"blobs/sha256/{file.name}")
        _add_indexes(tar, manifest, references)


def _layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        _add(tar, program.name, program.read_bytes(), mode=0o755)
    return buffer.getvalue()


def _add_indexes(tar: tarfile.TarFile, manifest: Blob, references: tuple[str, ...]) -> None:
    """Add index.json, which containerd reads, and manifest.json, which `docker load` reads."""
    named = [manifest.descriptor() | {"annotations": {"io.containerd.image.name": name}} for name in references]
    _add(tar, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
    _add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": named}).encode())
    content = json.loads(manifest.content)
    legacy = {
        "Config": _blob_path(content["config"]["digest"]),
        "RepoTags": list(references),
        "Layers": [_blob_path(layer["digest"]) for layer in content["layers"]],
    }
    _add(tar, "manifest.json", json.dumps([legacy]).encode())


def _blob_path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Add a file without owner or time, so that the same content gives the same digest."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
