"""What is printed at the end of a run: the table, the picture's place, how to look around and how to end it."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from demo import shop
from demo.durations import spoken
from demo.record import Outcome
from lab.handle import Lab


def table(outcome: Outcome) -> Table:
    """One column for each release and one for the whole run."""
    made = Table(box=box.SIMPLE_HEAD, title="Two releases under load", title_justify="left", title_style="bold")
    made.add_column("")
    for item in outcome.releases:
        made.add_column(str(item["version"]), justify="right")
    made.add_column("whole run", justify="right")
    made.add_row("verdict", *_cells(outcome, "verdict"), "")
    made.add_row("outcome", *_cells(outcome, "outcome"), "as expected" if not outcome.problems else "not as expected")
    for text, key, whole in (
        ("requests sent", "sent", outcome.sent),
        ("requests lost", "lost", outcome.lost),
        ("served by the new version", "served", ""),
        ("errors seen by users", "errors", outcome.errors),
    ):
        made.add_row(text, *_cells(outcome, key), f"{whole:,}" if isinstance(whole, int) else whole)
    made.add_section()
    for text, key in (
        ("template change to verdict", "to_verdict"),
        ("template change to promotion", "to_promotion"),
        ("template change to weight 0", "to_rollback"),
        ("verdict to weight 0", "verdict_to_rollback"),
    ):
        made.add_row(text, *_cells(outcome, key), "")
    return made


def _cells(outcome: Outcome, key: str) -> list[str]:
    return [_cell(release.get(key)) for release in outcome.releases]


def _cell(value: str | float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else spoken(value)


def look_around(console: Console, lab: Lab, picture: Path, end: str) -> None:
    """Print where everything is, and how to end it."""
    where = f"-n {shop.NAMESPACE}"
    console.print(f"The picture of it: {_near(picture)}   The record: {_near(picture.parent / 'record.jsonl')}")
    console.print("\nLook around (the shop and Headgate still run):", style="bold")
    for command in (
        f"export KUBECONFIG={_near(lab.kubeconfig)} PATH={_near(lab.folder / 'bin')}:$PATH",
        f"kubectl get crel {where}",
        f"kubectl describe crel {shop.NAME} {where}",
        f"kubectl get deployments,replicasets,pods,services,ingresses {where}",
        "kubectl logs -n headgate-system deployment/headgate --all-pods",
    ):
        console.print(f"  {command}", soft_wrap=True, highlight=False)
    console.print(f"\nAgain: make demo   End it, with everything it made: {end}", highlight=False)


def _near(path: Path) -> Path:
    """The path as seen from here, when it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
