"""Which kind of cluster a lab is: processes of this machine, kind, or one that exists."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import existing, kind, processes
from lab.handle import Lab
from lab.progress import LabError, say


@dataclass(frozen=True)
class Driver:
    """What every kind of cluster can do."""

    down: Callable[[str], None]
    load_image: Callable[[Lab, Path], None]


_DRIVERS = {
    "processes": Driver(processes.down, processes.load_image),
    "kind": Driver(kind.down, kind.load_image),
    "existing": Driver(existing.down, existing.load_image),
}
NAMES = tuple(_DRIVERS)


def up(driver: str | None, name: str, *, only_api: bool, flags: tuple[str, ...]) -> Lab:
    """Start the lab with the driver, or with the one that suits this machine."""
    chosen = driver or _suitable(only_api=only_api)
    if chosen != "processes" and (only_api or flags):
        raise LabError("--only and --api-server-flag are for --driver processes")
    say(f"lab {name}: {chosen}")
    if chosen == "processes":
        return processes.up(name, only_api=only_api, api_server_flags=flags)
    return kind.up(name) if chosen == "kind" else existing.up(name)


def down(name: str) -> None:
    """End the lab, whatever it is; one that never came up is cleaned away as processes."""
    try:
        driver = Lab.load(name).driver
    except LabError:
        driver = "processes"
    _DRIVERS[driver].down(name)


def of(lab: Lab) -> Driver:
    return _DRIVERS[lab.driver]


def _suitable(*, only_api: bool) -> str:
    return "kind" if not only_api and kind.available() else "processes"
