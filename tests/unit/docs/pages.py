"""The project's pages for people, taken apart: links, commands, words in code type, blocks of code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]

_PATTERNS = (
    "README.md",
    "CONTRIBUTING.md",
    "changelog.d/*.md",
    "charts/headgate/README.md",
    "docs/**/*.md",
    "examples/**/*.md",
    "hack/**/README.md",
)
_HEREDOC = re.compile(r"<<'?(\w+)'?\n(.*?)^\1$", re.DOTALL | re.MULTILINE)

PAGES = sorted({str(path.relative_to(ROOT)) for pattern in _PATTERNS for path in ROOT.glob(pattern)})
"""Every page, by its path from the root."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def links(page: str) -> list[str]:
    """Where a page leads: the targets of its links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", _without_blocks(text_of(page)))


def words(page: str) -> list[str]:
    """What stands in code type within the sentences of a page."""
    spans = re.findall(r"(?<!`)`((?:[^`\n]|\n(?!\n))+)`(?!`)", _without_blocks(text_of(page)))
    return [" ".join(span.split()) for span in spans]


def blocks(page: str) -> list[str]:
    """The blocks of code of a page: fenced, or indented by four spaces after an empty line; without the indentation."""
    return list(_blocks(text_of(page)))


def code(page: str) -> str:
    """All that stands in code type on a page, one piece a line."""
    return "\n".join([*words(page), *blocks(page)])


def documents(page: str) -> list[dict[str, Any]]:
    """The YAML mappings among the blocks of a page, those that a shell command is given included."""
    found = []
    for block in blocks(page):
        bodies = [body for _, body in _HEREDOC.findall(block)] or [block]
        found += [item for body in bodies for item in _mappings(body)]
    return found


def _mappings(text: str) -> list[dict[str, Any]]:
    try:
        return [item for item in yaml.safe_load_all(text) if isinstance(item, dict)]
    except yaml.YAMLError:
        return []  # a shell command, a table, a diagram


def _blocks(text: str) -> Iterator[str]:
    block: list[str] = []
    fenced, before = False, ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("```"):
            fenced = not fenced
            if not fenced:
                yield "\n".join(block) + "\n"
                block = []
        elif fenced:
            block.append(line)
        elif line.startswith("    ") and (block or not before.strip()):
            block.append(line[4:])
        elif block and not line.strip():
            block.append("")
        elif block:
            yield "\n".join(block).rstrip("\n") + "\n"
            block = []
        before = line
    if block:
        yield "\n".join(block).rstrip("\n") + "\n"


def _without_blocks(text: str) -> str:
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return "\n".join(line for line in prose.splitlines() if not line.startswith("    "))
