"""The stages of a release that moves: what `status.progress.stage` says is being done now."""

from enum import StrEnum


class Stage(StrEnum):
    """One stage. Forward: STEP, FILL, SWITCH, BAKE, ADOPT, TIDY. Back: RETURN, then KEEP or REMOVE, then TIDY."""

    STEP = "Step"
    """Taking the steps of the spec."""
    FILL = "Fill"
    """Giving the candidate all traffic."""
    SWITCH = "Switch"
    """Moving the user's Service to the candidate's pods."""
    BAKE = "Bake"
    """All traffic by the user's own Service; the old pods stay warm."""
    ADOPT = "Adopt"
    """The Deployment takes the candidate's pods as its own."""
    RETURN = "Return"
    """Traffic is back on stable; connections drain."""
    KEEP = "Keep"
    """A failed candidate is kept, without traffic, for a look."""
    REMOVE = "Remove"
    """Removing the candidate."""
    TIDY = "Tidy"
    """Giving back what was held in the user's objects."""


UNDECIDED = frozenset({Stage.STEP, Stage.FILL, Stage.SWITCH, Stage.BAKE})
"""Stages that an abort, a new template or a deletion still ends."""

SWITCHED = frozenset({Stage.SWITCH, Stage.BAKE, Stage.ADOPT})
"""Stages in which the user's Service leads to the candidate."""
