"""The figures that pages quote are those that a command of the repository wrote."""

from tests.unit.docs.pages import text_of

WRITTEN, QUOTED = "docs/explanation/simulation.md", "docs/explanation/verdicts.md"


def rows(page: str) -> list[str]:
    """The rows of a page's tables that begin with a service, such as `20 rps, 0.5 %`."""
    return [line for line in text_of(page).splitlines() if line.startswith("| ") and " rps, " in line.split("|")[1]]


def test_the_rows_of_the_simulation_that_are_quoted_stand_in_its_page() -> None:
    assert rows(QUOTED)
    assert [row for row in rows(QUOTED) if row not in rows(WRITTEN)] == []


def test_false_rollbacks_keep_their_bound_in_the_page() -> None:
    """In each good release that Headgate was tried on, at most one in a hundred."""
    section = text_of(WRITTEN).partition("## Good releases that Headgate rolled back")[2].partition("\n## ")[0]
    shares = [
        float(cell.removesuffix(" % "))
        for line in section.splitlines()
        if line.startswith("| ") and not line.startswith(("| good", "| ---"))
        for cell in line.split("|")[2:-1]
    ]

    assert len(shares) == 84
    assert max(shares) <= 1.0
