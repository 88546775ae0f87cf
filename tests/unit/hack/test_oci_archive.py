"""An image archive is what containerd (index.json) and `docker load` (manifest.json) both understand."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lab.oci_archive import pack_blobs, write_static_image

REFERENCES = ("localhost/sample:1f", "localhost/sample:lab")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that need not run."""
    path = tmp_path / "sample"
    path.write_bytes(b"\x7fELF program")
    return path


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {entry.name: file.read() for entry in tar if (file := tar.extractfile(entry))}


def blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    content = files[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]
    assert descriptor["size"] == len(content)
    assert descriptor["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    return content


def test_every_reference_leads_to_the_program_as_nobody(tmp_path: Path, program: Path) -> None:
    write_static_image(tmp_path / "image.tar", program, REFERENCES)
    files = members(tmp_path / "image.tar")

    index = json.loads(files["index.json"])["manifests"]
    assert tuple(entry["annotations"]["io.containerd.image.name"] for entry in index) == REFERENCES
    for entry in index:
        manifest = json.loads(blob(files, entry))
        config = json.loads(blob(files, manifest["config"]))
        layer = blob(files, manifest["layers"][0])
        assert config["config"] == {"Entrypoint": ["/sample"], "User": "65532:65532"}
        assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            assert [(item.name, item.mode) for item in tar] == [("sample", 0o755)]


def test_docker_reads_the_same_blobs(tmp_path: Path, program: Path) -> None:
    write_static_image(tmp_path / "image.tar", program, REFERENCES)
    files = members(tmp_path / "image.tar")

    (entry,) = json.loads(files["manifest.json"])
    assert entry["RepoTags"] == list(REFERENCES)
    assert {entry["Config"], *entry["Layers"]} <= files.keys()


def test_the_same_program_gives_the_same_archive(tmp_path: Path, program: Path) -> None:
    for name in ("one", "two"):
        write_static_image(tmp_path / name, program, REFERENCES)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_buildah_pushed_keeps_its_digests(tmp_path: Path) -> None:
    pushed = tmp_path / "pushed"
    pushed.mkdir()
    (pushed / "version").write_text("Directory Transport Version: 1.1\n")
    descriptors = {}
    for name in (b"config", b"layer"):
        digest = hashlib.sha256(name).hexdigest()
        (pushed / digest).write_bytes(name)
        descriptors[name] = {"digest": f"sha256:{digest}", "size": len(name)}
    manifest = {"config": descriptors[b"config"], "layers": [descriptors[b"layer"]]}
    (pushed / "manifest.json").write_text(json.dumps(manifest))

    pack_blobs(tmp_path / "image.tar", pushed, REFERENCES)

    files = members(tmp_path / "image.tar")
    found = json.loads(blob(files, json.loads(files["index.json"])["manifests"][0]))
    assert blob(files, found["config"]) == b"config"
    assert blob(files, found["layers"][0]) == b"layer"
    assert not any("version" in name for name in files)
