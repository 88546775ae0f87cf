"""The images that labs run: built once, kept as archives, named by their content."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import binaries, operator_image
from lab.cache import built, content_key
from lab.oci_archive import write_static_image
from lab.progress import LabError


@dataclass(frozen=True)
class Image:
    """An archive and the reference that a manifest names the image by; `localhost` is asked by no kubelet."""

    archive: Path
    reference: str


def image(name: str) -> Image:
    """One of the project's images, built if need be: operator, sample, or pause."""
    if name == "operator":
        key = operator_image.key()
        return _kept("headgate", key, lambda archive, names: operator_image.write(archive, names, key))
    groups = {"sample": binaries.SAMPLE, "pause": binaries.PAUSE}
    if name not in groups:
        raise LabError(f"no image {name!r}: there are operator and sample, or give the path of an archive")
    program = binaries.build([groups[name]])[name]
    return _kept(name, content_key(program), lambda archive, names: write_static_image(archive, program, names))


def _kept(repository: str, key: str, write: Callable[[Path, tuple[str, ...]], None]) -> Image:
    """The image of this key; its tag is the key, so that a changed image is never taken for the old one."""
    reference = f"localhost/{repository}:{key}"
    references = (reference, f"localhost/{repository}:lab")
    folder = built("images", repository, key, lambda folder: write(folder / f"{repository}.tar", references))
    return Image(folder / f"{repository}.tar", reference)
