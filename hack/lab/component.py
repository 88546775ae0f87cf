"""One process of the lab, as data: what to run, after what, and when it is ready."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Component:
    """A process that the supervisor starts once all of `after` are ready.

    ready is a URL that answers 200, `unix:PATH` for a socket that accepts, or `exit` for a command that has done its
    work when it ends with 0.
    """

    name: str
    command: tuple[str, ...]
    ready: str
    after: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
