"""`up` and `picture`, from the empty machine to the last printed line."""

import sys
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from demo import closing, record
from demo.lines import Lines
from demo.picture import picture
from demo.play import play
from demo.screen import Screen
from demo.stage import set_stage
from demo.story import Story
from lab.progress import LabError


def run(name: str, folder: Path, *, keep: bool, end: str) -> int:
    """Set the stage, play, and print what it came to. Returns the exit status."""
    console = Console()
    lab = set_stage(name)
    folder.mkdir(parents=True, exist_ok=True)
    with Screen(console) if console.is_terminal else nullcontext(Lines(sys.stdout)) as view:
        story, outcome = play(lab, folder, view, keep=keep)
    (folder / "release.svg").write_text(picture(story))
    console.print(closing.table(outcome))
    closing.look_around(console, lab, folder / "release.svg", end)
    for problem in outcome.problems:
        print(f"demo: {problem}", file=sys.stderr)
    return 1 if outcome.problems else 0


def draw_picture(folder: Path, file: Path) -> None:
    """Draw the run that the folder's record tells. LabError when there is none."""
    path = folder / "record.jsonl"
    if not path.exists():
        raise LabError(f"no record in {folder}: `make demo` makes one")
    story = Story()
    for entry in record.read(path):
        story.add(entry)
    file.write_text(picture(story))
