"""The operator's image from the project's own Dockerfile, built by buildah on a base made of Debian packages.

Needs no registry and no Docker engine: mmdebstrap makes the base, pip fetches the wheels outside of the build.
"""

import platform
import shutil
import tempfile
from pathlib import Path

from lab import packages
from lab.cache import built, content_key, lock
from lab.layout import CHECKOUT
from lab.oci_archive import pack_blobs
from lab.progress import LabError, run, run_long, say
from lab.wheels import wheels

_SUITE = "trixie"
_PYTHON = "3.13"  # of that suite
_BASE_PACKAGES = "python3-minimal,python3-venv,ca-certificates"
_LEFT_OUT = ("doc", "locale", "man")
_BUILD_BACKEND = "hatchling==1.27.0"
_BASE = "headgate-base"
_SOURCES = ("Dockerfile", "pyproject.toml", "requirements.txt", "README.md", "LICENSE", "operator")


def key(sources: Path = CHECKOUT) -> str:
    """Change with every file that goes into the image."""
    return content_key(_base_key(), *(sources / name for name in _SOURCES))


def write(archive: Path, references: tuple[str, ...], expected_key: str) -> None:
    """Build the image and write it as an archive; LabError when the sources are no longer those of the key."""
    packages.ensure(packages.IMAGES)
    # Two builds would both work, but the second would make again what the first is about to put into the cache.
    with lock("buildah"), tempfile.TemporaryDirectory() as scratch:
        context, blobs, log = Path(scratch) / "context", Path(scratch) / "blobs", Path(scratch) / "log"
        _copy_sources(context)
        if key(context) != expected_key:
            raise LabError("the operator's sources changed while its image was about to be built: run it again")
        storage = _storage()
        say("building the operator's image")
        build = ["build", "--layers", f"--build-arg=BASE={_BASE}", "--tag=headgate", *_wheel_options(), str(context)]
        run_long(_buildah(storage, *build), "building the operator's image", log)
        push = ["push", "--disable-compression", "--format=oci", "headgate", f"dir:{blobs}"]
        run_long(_buildah(storage, *push), "exporting the operator's image", log)
        pack_blobs(archive, blobs, references)


def _copy_sources(context: Path) -> None:
    context.mkdir()
    for name in _SOURCES:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, context / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, context / name)


def _wheel_options() -> list[str]:
    """Buildah's options that put the wheels of requirements.txt and of the build backend at pip's hand."""
    pinned = wheels("requirements", _PYTHON, "--require-hashes", "--requirement", CHECKOUT / "requirements.txt")
    backend = wheels("build-backend", _PYTHON, _BUILD_BACKEND)
    volumes = [f"--volume={pinned}:/wheels/pinned:ro", f"--volume={backend}:/wheels/backend:ro"]
    return [*volumes, "--build-arg=PIP_NO_INDEX=1", "--build-arg=PIP_FIND_LINKS=/wheels/pinned /wheels/backend"]


def _base_key() -> str:
    return content_key(_SUITE, _BASE_PACKAGES, *_LEFT_OUT, platform.machine())


def _storage() -> Path:
    """The buildah storage that has the base image, and the layers of the dependencies after the first build.

    It is another one when the Dockerfile or a dependency changes, so that old layers go with the old storage.
    """
    storage_key = content_key(_base_key(), CHECKOUT / "Dockerfile", CHECKOUT / "requirements.txt")
    return built("buildah", "storage", storage_key, _import_base)


def _import_base(storage: Path) -> None:
    base = built("images", "base", _base_key(), _bootstrap)
    container = run(_buildah(storage, "from", "scratch")).strip()
    run(_buildah(storage, "add", "--quiet", container, base / "base.tar", "/"))
    run(_buildah(storage, "commit", "--quiet", "--rm", container, _BASE))


def _bootstrap(folder: Path) -> None:
    say(f"making a base image of Debian {_SUITE} (half a minute to two minutes)")
    options = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={_BASE_PACKAGES}", *options]
    run_long([*command, _SUITE, "base.tar"], "making the base image", folder / "log", cwd=folder)


def _buildah(storage: Path, *arguments: str | Path) -> list[str | Path]:
    """A buildah command on a storage of the lab's own.

    Build steps run in a chroot: they need no runtime, no network namespace, and nothing of a lab that is up.
    """
    isolation = "env", "BUILDAH_ISOLATION=chroot"
    return [*isolation, "buildah", f"--root={storage}/images", f"--runroot={storage}/run", *arguments]
