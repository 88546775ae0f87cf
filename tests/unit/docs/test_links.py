"""Nothing that a page leads to, or has its reader run, is missing."""

import re
from pathlib import PurePosixPath

import pytest
import yaml

from headgate.cli.main import main
from tests.unit.docs.pages import PAGES, ROOT, code, links, text_of, words

TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
FOLDERS = (".ci", ".github", "changelog.d", "charts", "crds", "docs", "examples", "hack", "operator", "tests")
FILES = [
    PurePosixPath(path.relative_to(ROOT))
    for path in (*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")))
    if path.is_file()
]
SUFFIXES = {"go", "json", "lua", "md", "py", "svg", "toml", "txt", "yaml", "yml"}
ELSEWHERE = {"CHANGELOG.md", "deployment.yaml", "release.yaml"}
"""Files that a page names and that are made later, or are the reader's own."""


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    broken = [
        link
        for link in links(page)
        if not re.match("[a-z]+:|#", link) and not (ROOT / page).parent.joinpath(link.partition("#")[0]).exists()
    ]

    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_links_into_a_page_lead_to_headings(page: str) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        if anchor and not re.match("[a-z]+:", link):
            place = (ROOT / page).parent / path if path else ROOT / page
            headings = re.findall(r"^#+ (.+)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            broken += [link] if anchor not in {_anchor(heading) for heading in headings} else []

    assert broken == []


def _anchor(heading: str) -> str:
    """A heading's anchor, as public forges make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    """By their whole path or by the end of it, as in `release/machine.py`; `*` stands for a part of a name."""
    named = {
        word for word in words(page) if re.fullmatch(r"[\w.*/-]+\.(\w+)", word) and word.split(".")[-1] in SUFFIXES
    }
    missing = {word for word in named if not any(path.match(word) for path in FILES)}

    assert missing - ELSEWHERE == set()


@pytest.mark.parametrize("page", PAGES)
def test_files_that_commands_take_exist(page: str) -> None:
    paths = re.findall(r"(?<![\w./-])((?:charts|crds|docs|examples|hack|tests)/[\w./*-]*\w)", code(page))

    assert [path for path in paths if not list(ROOT.glob(path))] == []


@pytest.mark.parametrize("page", PAGES)
def test_make_knows_what_it_is_told_to_make(page: str) -> None:
    assert set(re.findall(r"^\s*make ([a-z][a-z-]*)", code(page), re.MULTILINE)) - TARGETS == set()


@pytest.mark.parametrize("page", PAGES)
def test_headgate_knows_its_commands_and_their_options(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = re.sub(r"\\\n\s*", "", code(page)).splitlines()
    for command, rest in (found.groups() for line in lines if (found := re.match(_COMMAND, line))):
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        shown = capsys.readouterr().out
        assert [option for option in re.findall(r"(?<!\S)--[a-z-]+", rest) if f"{option} " not in shown] == []


_COMMAND = re.compile(r"\s*(?:\$ )?(?:kubectl )?headgate ([a-z]+)\b(.*)")


def test_the_main_page_leads_to_every_page() -> None:
    """By itself or by a page that it leads to: none is lost."""
    reached, waiting = set[str](), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not (ROOT / page).is_file():
            continue
        reached.add(page)
        inside = [(ROOT / page).parent / link.partition("#")[0] for link in links(page) if ":" not in link]
        waiting += [str(path.resolve().relative_to(ROOT)) for path in inside if path.suffix == ".md"]

    assert {page for page in PAGES if page.startswith("docs/")} - reached == set()


def test_the_workflow_runs_what_there_is() -> None:
    """Each job of the public forge runs targets of the Makefile, or a script of the repository."""
    workflow = yaml.safe_load(text_of(".github/workflows/ci.yml"))
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    made = {target for run in runs for target in re.findall(r"\bmake ([a-z-]+)", run)}
    scripts = {path for run in runs for path in re.findall(r"(?:^|\s)(\.ci/\w+|hack/\w+)", run)}

    assert {"test-quick", "demo", "demo-down"} <= made <= TARGETS
    assert scripts
    assert [path for path in scripts if not (ROOT / path).exists()] == []
    assert set(re.findall(r"\bmake ([a-z-]+)", text_of(".ci/run"))) <= TARGETS


def test_fragments_of_the_changelog_are_named_as_their_readme_says() -> None:
    fragments = [path for path in (ROOT / "changelog.d").glob("*") if path.name != "README.md"]

    assert fragments
    assert [path.name for path in fragments if not re.fullmatch(_FRAGMENT, path.name)] == []
    assert [path.name for path in fragments if not path.read_text(encoding="utf-8").endswith(".\n")] == []


_FRAGMENT = r"[a-z][a-z-]*\.(added|changed|fixed|removed)\.md"
