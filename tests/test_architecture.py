"""docs/architecture.md describes the code as it is: its packages, its layers and its files."""

import re
from pathlib import Path

import pytest

from tests.test_layers import LEVELS

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = sorted(path.parent.name for path in (ROOT / "resdepth").glob("*/__init__.py"))
TABLE = {
    match["name"]: match["imports"]
    for match in re.finditer(
        r"^\| `(?P<name>\w+)/` \|.*\| (?P<imports>[^|]*) \|$", TEXT, re.MULTILINE
    )
}


def test_the_table_has_every_package() -> None:
    assert sorted(TABLE) == PACKAGES


@pytest.mark.parametrize("name", TABLE)
def test_a_package_may_import_what_the_table_says(name: str) -> None:
    named = re.findall(r"`(\w+)/`", TABLE[name])
    assert all(LEVELS[other] < LEVELS[name] for other in named)


def test_the_files_that_it_names_exist() -> None:
    named = set(re.findall(r"`((?:[\w-]+/)*[\w.-]+\.(?:py|rs|md|sh))`", TEXT))
    existing = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.[pmrs]*")
        if path.is_file() and ".venv" not in path.parts
    ]
    assert len(named) > 20
    assert not [
        name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in existing)
    ]
