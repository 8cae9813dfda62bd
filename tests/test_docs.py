"""The pages: their code runs, their links and formulas work, the reference is complete."""

import re
import runpy
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pvar
import pytest

import resdepth
from resdepth.cli.reference import render
from tests.support.blocks import INTERPRETERS, PROSE, blocks, openings, run
from tests.support.process import Workers

ROOT = Path(__file__).resolve().parent.parent
site = SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "site.py")))
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *ROOT.glob("rust-*/README.md"),
    ]
)
NAMES = [f"resdepth.{name}" for name in resdepth.__all__] + [f"pvar.{n}" for n in pvar.__all__]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def test_the_reference_is_fresh() -> None:
    stored = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert stored == render(), "run `make docs`"


@each_page
def test_links_are_not_broken(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@each_page
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    kinds = [line.removeprefix("```") for line in openings(page)]
    assert [kind for kind in kinds if kind not in INTERPRETERS and kind not in PROSE] == []
    # A block whose end is not recognised would be skipped silently.
    assert len([block for block in blocks(page) if not block.first]) == len(kinds)


RUN = [page for page in PAGES if any(b.kind in INTERPRETERS and not b.reason for b in blocks(page))]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_run_in_order(page: Path, tmp_path: Path, workers: Workers) -> None:
    for block in blocks(page):
        if block.kind in INTERPRETERS and not block.reason:
            wrong = run(block, tmp_path, workers)
            assert not wrong, f"{page.name}, {wrong}"


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_documented_and_in_the_reference(name: str) -> None:
    module, _, last = name.rpartition(".")
    text = getattr(import_module(module), last).__doc__
    assert text and len(text.split()) > 3
    assert any(name in directives for directives in site.reference().values())


def test_a_new_page_is_included(tmp_path: Path) -> None:
    (tmp_path / "new.md").write_text("# New\n")
    (tmp_path / "study.md").write_text("# Studies\n")
    found = site.navigation(sorted(tmp_path.glob("*.md")))
    assert found["More"] == ["new.md"] and "study.md" in found["Guide"]


def test_bars_in_the_code_of_a_table_have_no_backslash_on_the_site() -> None:
    row = r"| `--kind a\|b`, `x\|y` | one \| two |"
    assert site.unescaped(f"`c\\|d`\n{row}") == "`c\\|d`\n| `--kind a|b`, `x|y` | one \\| two |"


@each_page
def test_formulas_can_be_converted(page: Path) -> None:
    pytest.importorskip("math_core")
    site.with_formulas(page.read_text(encoding="utf-8"), page.name)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("$x$.", '<span style="white-space: nowrap"><math><mi>x</mi></math>.</span>'),
        (
            "$$\nx\n$$",
            '<div style="overflow-x: auto"><math display="block"><mi>x</mi></math></div>',
        ),
        ("`$x$`", "`$x$`"),
        ("```sh\necho $HOME\n```", "```sh\necho $HOME\n```"),
    ],
)
def test_formulas_become_mathml_and_code_stays(formula: str, expected: str) -> None:
    pytest.importorskip("math_core")
    assert site.with_formulas(formula, "page.md") == expected


@pytest.mark.parametrize("formula", [r"$\unknown$", "$x", "$x\ny$"])
def test_a_wrong_formula_ends_the_build(formula: str) -> None:
    pytest.importorskip("math_core")
    with pytest.raises(SystemExit, match=r"page\.md"):
        site.with_formulas(formula, "page.md")
