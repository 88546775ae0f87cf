"""Where a lab's state is and where built things are kept between labs."""

import hashlib
import os
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
HACK = CHECKOUT / "hack"
CONFIG = HACK / "lab" / "config"

DEFAULT_NAME = "headgate"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?")


def state_folder(name: str) -> Path:
    """The folder of the lab called name; ValueError says what a name may be."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no lab name: use 1 to 30 of a-z, 0-9 and '-', not at its ends")
    return CHECKOUT / ".lab" / name


def cache_folder() -> Path:
    """The folder of everything that is built once: ${XDG_CACHE_HOME:-~/.cache}/headgate."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "headgate"


def identity(folder: Path) -> str:
    """10 hex digits for the lab of this folder: the same name in two checkouts is two labs."""
    return hashlib.sha256(str(folder).encode()).hexdigest()[:10]
