"""Python packages as wheel files, for image builds that cannot reach an index themselves."""

import platform
import sys
from pathlib import Path

from lab import packages
from lab.cache import built, content_key
from lab.progress import run_long, say


def pip() -> list[str | Path]:
    """The command of the lab's own pip: Debian's Python has none, and the caller's is not ours to change."""

    def install(folder: Path) -> None:
        packages.ensure_venv()
        run_long([sys.executable, "-m", "venv", folder], "making an environment for pip", folder / "install.log")

    environment = built("toolchains", "pip", "{}.{}".format(*sys.version_info), install)
    # Not bin/pip: its first line names the folder that the environment was made in.
    return [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]


def wheels(name: str, python: str, *arguments: str | Path) -> Path:
    """A folder with the wheels that `pip download ARGUMENTS` finds for this version of CPython on Linux."""

    def download(folder: Path) -> None:
        say(f"downloading wheels for {name}")
        command = [*pip(), "download", "--quiet", "--dest", folder, "--only-binary=:all:", "--python-version", python]
        platforms = [f"--platform={kind}_{platform.machine()}" for kind in ("manylinux_2_28", "manylinux2014", "linux")]
        run_long([*command, *platforms, *arguments], f"wheels for {name}", folder / "download.log", counted="lines")

    return built("wheels", name, content_key(python, *arguments), download)
