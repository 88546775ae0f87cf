"""`python3 hack/generate [--check]`: writes every file that is made from others, or says which is out of date."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "operator"), str(ROOT / "hack")]

from generate.chart_readme import chart_readme  # noqa: E402 (the path must be set first)
from generate.reference import spec_page, status_page  # noqa: E402
from generate.signals import events_page, metrics_page  # noqa: E402
from headgate.api import crd  # noqa: E402


def files() -> dict[Path, str]:
    """The text of each generated file by its path."""
    definition = crd.as_yaml(crd.custom_resource_definition())
    chart, reference = ROOT / "charts" / "headgate", ROOT / "docs" / "reference"
    return {
        ROOT / crd.FILE: definition,
        chart / "files" / Path(crd.FILE).name: definition,
        chart / "README.md": chart_readme((chart / "values.yaml").read_text(encoding="utf-8")),
        reference / "spec.md": spec_page(),
        reference / "status.md": status_page(),
        reference / "events.md": events_page(),
        reference / "metrics.md": metrics_page(),
    }


def outdated() -> list[Path]:
    """The files whose text is not the generated one."""
    return [path for path, text in files().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    """Write what is out of date; with --check only name it, and fail when there is any."""
    parser = argparse.ArgumentParser(prog="hack/generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    check = parser.parse_args().check
    made, wrong = files(), outdated()
    for path in wrong:
        print(f"{path.relative_to(ROOT)} {'is out of date: run python3 hack/generate' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path], encoding="utf-8")
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
