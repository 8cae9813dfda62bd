"""docs/architecture.md describes the code as it is: its packages, its layers and its files."""

import re
from pathlib import Path

import pytest

from tests.test_layers import LEVELS, edges, package_of

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = sorted(path.parent.name for path in (ROOT / "resdepth").glob("*/__init__.py"))
TABLE = {
    match["name"]: match["imports"].strip()
    for match in re.finditer(
        r"^\| `(?P<name>\w+)/` \|.*\| (?P<imports>[^|]*)\|$", TEXT, re.MULTILINE
    )
}


def test_the_table_has_every_package() -> None:
    assert sorted(TABLE) == PACKAGES


@pytest.mark.parametrize("name", TABLE)
def test_a_package_imports_only_what_the_table_says(name: str) -> None:
    listed = set(re.findall(r"`(\w+)/`", TABLE[name]))
    if TABLE[name] == "everything":
        listed = set(TABLE) - {name}
    assert edges(package_of)[name] & set(TABLE) <= listed
    assert all(LEVELS[other] < LEVELS[name] for other in listed)


def test_the_files_that_it_names_exist() -> None:
    named = set(re.findall(r"`((?:[\w-]+/)*[\w.-]+\.py)`", TEXT))
    existing = [
        f"/{path}" for folder in ("resdepth", "tests") for path in ROOT.glob(f"{folder}/**/*.py")
    ]
    assert len(named) > 20
    assert not [name for name in named if not any(path.endswith(f"/{name}") for path in existing)]
