"""The one-way flow, read from the syntax trees: every package imports downward only."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEVELS = {
    "_kernels": 0,
    "errors": 0,
    "arrays": 0,
    "atomic": 0,
    "cores": 0,
    "html": 0,
    "isolation": 0,
    "records": 0,
    "find_files": 0,
    "contents": 0,
    "options": 0,
    "mathematics": 1,
    "engine": 2,
    "data": 3,
    "runs": 3,
    "weights": 4,
    "training": 4,
    "probing": 5,
    "studies": 5,
    "analysis": 6,
    "figures": 7,
    "api": 7,
    "cli": 8,
}
OUTERMOST = ("resdepth", "resdepth.__main__")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "resdepth").rglob("*.py"))
}
COMPILED = "resdepth._kernels"
DRAWING = ("matplotlib", "plotly")
HEAVY = ("torch", "numpy", "scipy", "torchvision", "tensorboard", "PIL", "jaxtyping")


@dataclass(frozen=True)
class Import:
    """One imported module; `lazy` inside a function, `for_types` under TYPE_CHECKING."""

    module: str
    line: int
    lazy: bool
    for_types: bool


def walk(
    node: ast.AST, package: str, lazy: bool = False, for_types: bool = False
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, lazy, for_types)
        elif isinstance(child, ast.ImportFrom):
            above = package.split(".")[: -child.level + 1 or None] if child.level else []
            source = ".".join([*above, *([child.module] if child.module else [])])
            for alias in child.names:
                # `from resdepth.engine import loss` imports a module, not a name.
                whole = f"{source}.{alias.name}"
                module = whole if whole in (*MODULES, COMPILED) else source
                yield Import(module, child.lineno, lazy, for_types)
        inside = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        types = for_types or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test))
        yield from walk(child, package, inside, types)


@cache
def imports(name: str) -> tuple[Import, ...]:
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return tuple(walk(ast.parse(path.read_text(encoding="utf-8")), package))


def package_of(name: str) -> str:
    return name.split(".")[1]


def inner(name: str) -> list[Import]:
    return [found for found in imports(name) if found.module.split(".")[0] == "resdepth"]


@pytest.mark.parametrize("name", [name for name in MODULES if name not in OUTERMOST])
def test_no_import_points_upward(name: str) -> None:
    for found in inner(name):
        assert found.module != "resdepth", f"{name}:{found.line} imports the outermost package"
        theirs, ours = package_of(found.module), package_of(name)
        inside = theirs == ours or LEVELS[theirs] == LEVELS[ours] == 0
        assert inside or LEVELS[theirs] < LEVELS[ours], f"{name}:{found.line}: {found.module}"


def edges(of: Callable[[str], str]) -> dict[str, set[str]]:
    """What imports what, with modules merged by `of`."""
    graph: dict[str, set[str]] = {}
    for name in MODULES:
        if name not in OUTERMOST:
            theirs = {of(found.module) for found in inner(name) if not found.for_types}
            graph.setdefault(of(name), set()).update(theirs - {of(name)})
    return graph


@pytest.mark.parametrize("of", [package_of, str], ids=["packages", "modules"])
def test_no_import_leads_back(of: Callable[[str], str]) -> None:
    try:
        TopologicalSorter(edges(of)).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("name", MODULES)
def test_lazy_imports_are_for_the_command_line(name: str) -> None:
    if name == "resdepth" or name.startswith("resdepth.cli"):
        return
    lazy = [f"{name}:{found.line} {found.module}" for found in imports(name) if found.lazy]
    assert not lazy


@pytest.mark.parametrize("name", MODULES)
def test_pictures_are_drawn_in_one_place(name: str) -> None:
    if not name.startswith("resdepth.figures"):
        found = [f.module for f in imports(name) if not f.for_types]
        assert not [module for module in found if module.split(".")[0] in DRAWING]


def light() -> list[str]:
    """Options, errors, and whatever the command line imports before a command runs."""
    waiting = [
        name for name in MODULES if name.split(".")[1:2] in (["options"], ["errors"], ["cli"])
    ]
    # Imported when training begins.
    waiting.remove("resdepth.cli.progress")
    seen = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [f.module for f in inner(name) if not (f.lazy or f.for_types)]
    return sorted(seen)


@pytest.mark.parametrize("name", light())
def test_start_up_is_light(name: str) -> None:
    eager = [f for f in imports(name) if not (f.lazy or f.for_types)]
    heavy = [f"{name}:{f.line} {f.module}" for f in eager if f.module.split(".")[0] in HEAVY]
    assert not heavy


def test_every_package_has_a_level() -> None:
    packages = {package_of(name) for name in MODULES if name not in OUTERMOST}
    assert packages == set(LEVELS) - {"_kernels"}


Place = tuple[str, ...]
"""A Rust module by its path: ("euclid", "lane") is src/euclid/lane.rs."""


def rust_modules(source: Path) -> dict[Place, Path]:
    """All modules of a crate without its tests, lib.rs and the interface to Python."""
    found = {}
    for path in sorted(source.rglob("*.rs")):
        parts = path.relative_to(source).with_suffix("").parts
        if parts[0] not in ("lib", "python") and "tests" not in parts:
            found[parts[:-1] if parts[-1] == "mod" else parts] = path
    return found


def rust_paths(rest: str) -> Iterator[Place]:
    """The paths of an expression such as `::simd::{Line, Vector}`."""
    paths: list[Place] = [()]
    for part in re.findall(r"::(\w+|\{[^}]*\})", rest):
        paths = [(*path, name) for path in paths for name in re.findall(r"\w+", part)]
    yield from paths


def rust_edges(crate: str) -> dict[Place, set[Place]]:
    """Which modules of a crate use which; a name belongs to the module that its path leads to."""
    source = ROOT / crate / "src"
    modules = rust_modules(source)
    exported: dict[str, Place] = {}
    for path, names in re.findall(
        r"^pub use ([\w:]+)::(\{[^}]*\}|\w+);", (source / "lib.rs").read_text(), re.MULTILINE
    ):
        exported |= {name: tuple(path.split("::")) for name in re.findall(r"\w+", names)}
    graph: dict[Place, set[Place]] = {}
    for place, file in modules.items():
        code = re.sub(r"//.*", "", file.read_text(encoding="utf-8")).split("\n#[cfg(test)]")[0]
        children = [other[-1] for other in modules if other[:-1] == place]
        starts = {"crate": (), "super": place[:-1]} | {name: (*place, name) for name in children}
        used = set()
        expression = rf"(?<![\w:])({'|'.join(starts)})((?:::(?:\w+|\{{[^}}]*\}}))+)"
        for root, rest in re.findall(expression, code):
            for path in rust_paths(rest):
                name = (*starts[root], *path)
                if root == "crate" and path[0] in exported:
                    name = exported[path[0]]
                while name and name not in modules:
                    name = name[:-1]
                used.add(name)
        graph[place] = used - {place, ()}
    return graph


@pytest.mark.parametrize("crate", ["rust-engine", "rust-pvar"])
def test_no_rust_module_leads_back(crate: str) -> None:
    graph = rust_edges(crate)
    assert graph and any(len(place) > 1 for place in graph)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join('::'.join(place) for place in error.args[1])}")


def test_a_cycle_of_rust_submodules_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "crate" / "src"
    (source / "tree").mkdir(parents=True)
    (source / "lib.rs").write_text("mod tree;\npub use tree::leaf::Leaf;\n")
    (source / "tree.rs").write_text("mod leaf;\nmod root;\nuse leaf::{Leaf, Stem};\n")
    (source / "tree" / "leaf.rs").write_text("use super::root::Root;\n// use crate::tree::no;\n")
    (source / "tree" / "root.rs").write_text("use crate::Leaf;\n")
    monkeypatch.setattr("tests.test_layers.ROOT", tmp_path)
    leaf, root = ("tree", "leaf"), ("tree", "root")
    assert rust_edges("crate") == {("tree",): {leaf}, leaf: {root}, root: {leaf}}
