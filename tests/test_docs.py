"""The reference page is what the commands say, and the pages' links lead somewhere."""

import re
from pathlib import Path

import pytest

from resdepth.cli.reference import render

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("rust-*/README.md")])


def test_the_reference_is_fresh() -> None:
    stored = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert stored == render(), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


EXAMPLES = [
    (page.name, code)
    for page in PAGES
    if page.parent.name == "docs"
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
]


@pytest.mark.parametrize(("page", "code"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_examples_run(page: str, code: str) -> None:
    exec(compile(code, page, "exec"), {})
