"""The documentation as web pages: `python docs/site.py` writes build/site/html.

The pages of docs/ are taken as they are, README.md becomes the front page, and the reference is
made from the docstrings of every public name. A page that is added to docs/ is found by itself. Any
link that leads nowhere ends the build.
"""

import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pvar
import yaml

import resdepth
from resdepth.options.base import Options, help_text

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BUILD = ROOT / "build" / "site"

SECTIONS = {
    "Guide": (
        "training study looking landscapes curvature other-weights data notebook resnet-cifar"
    ),
    "Mathematics": "mathematics study-statistics",
    "Reference": "cli run-folder",
    "The house": "architecture performance contributing changelog",
}
"""Pages by section; any other page of docs/ goes under "More"."""

TOPICS = {
    "Training": "train TrainOptions NotebookProgress load_data study",
    "Runs and weights": "Run open_run weight_path paths_of read_models stored_models pooled",
    "Paths": "norm_table profile_table variation_table",
    "Mathematics": "p_variation_norm p_variation_norms fit_decay",
    "Landscapes and curvature": "render_landscape RenderOptions render_trajectory "
    "TrajectoryOptions spectrum SpectrumOptions",
    "Errors": "ResdepthError",
}
"""Public names by page of the reference; any other goes to the page "Further names"."""

FROM_ROOT = {
    "index.md": "README.md",
    "pvar.md": "rust-pvar/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages of the site that lie elsewhere in the repository."""

BAR = r"\|"
"""A bar inside a cell would end it."""

CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"(\]\()([^)#\s]+)")


def reference() -> dict[str, list[str]]:
    """Full public names by title of the page that describes them."""
    topics = {title: words.split() for title, words in TOPICS.items()}
    named = {name for names in topics.values() for name in names}
    further = [name for name in resdepth.__all__ if name not in named]
    if further:
        topics["Further names"] = further
    pages = {title: [f"resdepth.{n}" for n in names] for title, names in topics.items()}
    return pages | {"pvar": [f"pvar.{name}" for name in pvar.__all__]}


def navigation(pages: Iterable[Path]) -> dict[str, list[str]]:
    """Names of the pages that are there, by section in their order."""
    left = {page.name for page in pages}
    found = {}
    for title, words in SECTIONS.items():
        wanted = [f"{word}.md" for word in words.split()]
        found[title] = [name for name in wanted if name in left]
        left -= set(wanted)
    left -= {"index.md", "pvar.md"}
    return {title: names for title, names in (found | {"More": sorted(left)}).items() if names}


def copied(folder: Path) -> list[Path]:
    """All pages in one flat folder, their links following them."""
    sources = {
        page: DOCS / page.name for page in map(Path, sorted(p.name for p in DOCS.glob("*.md")))
    }
    sources |= {Path(name): ROOT / origin for name, origin in FROM_ROOT.items()}
    places = {origin: name for name, origin in sources.items()}
    shutil.copytree(DOCS / "figures", folder / "figures")
    for name, origin in sources.items():
        text = origin.read_text(encoding="utf-8")
        text = LINK.sub(lambda m, at=origin.parent: m[1] + _moved(m[2], at, places, folder), text)
        (folder / name).write_text(unescaped(text), encoding="utf-8")
    return [folder / name for name in sources]


def unescaped(text: str) -> str:
    """Pages without the backslash before a bar in the code of a table.

    GitHub needs it; this generator shows it, and takes no bar inside code for the end of a cell.
    """
    rows = (
        CODE.sub(lambda code: code[0].replace(BAR, "|"), line) if line.startswith("|") else line
        for line in text.split("\n")
    )
    return "\n".join(rows)


def _moved(link: str, base: Path, places: Mapping[Path, Path], folder: Path) -> str:
    """A relative link as it reads from the flat folder; files that are no page come along."""
    target = (base / link).resolve()
    if "://" in link or link.startswith("mailto:"):
        return link
    if not target.exists():
        raise SystemExit(f"{base}: the link {link} leads nowhere")
    if target in places:
        return places[target].as_posix()
    if target.is_relative_to(DOCS):
        return target.relative_to(DOCS).as_posix()
    copy = folder / "files" / target.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(target, copy)
    return copy.relative_to(folder).as_posix()


def written_reference(folder: Path) -> list[dict[str, str]]:
    """The pages of the reference, as entries of the navigation."""
    entries = []
    for title, names in reference().items():
        if title == "pvar":
            page, text = folder / "pvar.md", (folder / "pvar.md").read_text(encoding="utf-8")
            body = "\n".join(compiled(name.removeprefix("pvar.")) for name in names)
            page.write_text(f"{text}\n## Every function\n\n{body}", encoding="utf-8")
        else:
            page = folder / f"api-{title.lower().replace(' ', '-')}.md"
            body = "\n".join(f"::: {name}\n{options_table(name)}" for name in names)
            page.write_text(f"# {title}\n\n{body}", encoding="utf-8")
        entries.append({title: page.name})
    return entries


def options_table(name: str) -> str:
    """The fields of a class of options, which have no docstrings but help texts; else nothing."""
    value = getattr(resdepth, name.removeprefix("resdepth."))
    if not (inspect.isclass(value) and issubclass(value, Options)):
        return ""
    lines = ["", "| field | type | meaning |", "|---|---|---|"]
    for field, info in value.model_fields.items():
        kind = str(getattr(info.annotation, "__name__", info.annotation)).replace("typing.", "")
        cells = [f"`{field}`", f"`{kind}`", help_text(info)]
        lines.append(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |")
    return unescaped("\n".join([*lines, ""]))


def compiled(name: str) -> str:
    """The section of a name of `pvar`: there is no source that could be read for it."""
    value = getattr(pvar, name)
    lines = [f"### `{name}`", "", "```python", f"pvar.{name}{_signature(value)}", "```", ""]
    lines += [inspect.getdoc(value) or "", ""]
    if inspect.isclass(value) and not issubclass(value, tuple):
        for member in (m for m in vars(value) if not m.startswith("_")):
            method = getattr(value, member)
            lines += [f"- `{member}{_signature(method)}`: {inspect.getdoc(method)}"]
    return "\n".join([*lines, ""])


def _signature(value: Any) -> str:
    """The arguments, as they are called; what is no function has none."""
    if not callable(value):
        return ""
    written = inspect.signature(value)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in written.parameters.values()]
    return str(inspect.Signature(plain))


def configuration(sections: Mapping[str, Sequence[str]], api: Sequence[Any]) -> dict[str, Any]:
    """What the generator is told."""
    options = {
        "docstring_style": "numpy",
        "show_root_heading": True,
        "show_root_full_path": False,
        "show_signature_annotations": True,
        "signature_crossrefs": True,
        "separate_signature": True,
        "members_order": "source",
        "heading_level": 2,
        "filters": ["!^_"],
    }
    nav: list[Any] = [{"resdepth": "index.md"}]
    nav += [{title: list(names)} for title, names in sections.items()]
    nav.insert(4, {"From Python": list(api)})
    paths = [str(ROOT), str(ROOT / "rust-pvar" / "python")]
    return {
        "site_name": "resdepth",
        "site_description": "The weights of very deep residual networks as paths",
        "docs_dir": "pages",
        "site_dir": "html",
        "use_directory_urls": False,
        "theme": {"font": False, "features": ["navigation.sections", "content.code.copy"]},
        "nav": nav,
        "markdown_extensions": [
            "tables",
            "attr_list",
            "pymdownx.superfences",
            "pymdownx.highlight",
        ],
        "plugins": [
            "search",
            {"mkdocstrings": {"handlers": {"python": {"paths": paths, "options": options}}}},
        ],
    }


def main() -> int:
    """Build, strictly."""
    shutil.rmtree(BUILD, ignore_errors=True)
    folder = BUILD / "pages"
    folder.mkdir(parents=True)
    pages = copied(folder)
    told = configuration(navigation(pages), written_reference(folder))
    (BUILD / "mkdocs.yml").write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    ended = subprocess.run(command, cwd=BUILD)
    if ended.returncode == 0:
        print(BUILD / "html" / "index.html")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
