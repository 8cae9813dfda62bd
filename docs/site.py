"""Build the documentation as web pages: `python docs/site.py` writes build/site/html.

The pages are those of docs/, with README.md as the front page, and a reference made from the
docstrings of all public names. A new page in docs/ is included without a change here. Formulas,
`$…$` and `$$…$$`, become MathML, which browsers display without a script. A broken link, a formula
that cannot be converted, and a page that loads something from another site end the build.
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
from resdepth.options.base import Options
from resdepth.options.fields import python_help, type_words
from resdepth.options.groups import Grouped, Place

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BUILD = ROOT / "build" / "site"

SECTIONS = {
    "Guide": (
        "training study limit transfer looking landscapes curvature other-weights data "
        "notebook resnet-cifar"
    ),
    "Mathematics": "mathematics study-statistics",
    "Reference": "cli run-folder",
    "Development": "architecture performance contributing changelog",
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
"""Pages of the site whose source is outside docs/."""

BAR = r"\|"
"""A bar in the cell of a table; without the backslash it would end the cell."""

CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"(\]\()([^)#\s]+)")
FORMULA = re.compile(
    r"^```.*?^```$|`[^`\n]+`|^\$\$\n(?P<display>.+?)\n\$\$$|\$(?P<inline>[^$\n]+)\$(?P<after>[.,;:]?)",
    re.MULTILINE | re.DOTALL,
)
"""A formula, or code: dollars in code are no formulas."""

MARKUP = {ord(sign): f"&#{ord(sign)};" for sign in "*_|`\\"}
"""Characters of a formula that Markdown would interpret."""

REMOTE = re.compile(r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^>]*>")
"""An element that a browser loads from another site."""


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
    """Names of the existing pages, by section and in its order."""
    remaining = {page.name for page in pages}
    found = {}
    for title, words in SECTIONS.items():
        listed = [f"{word}.md" for word in words.split()]
        found[title] = [name for name in listed if name in remaining]
        remaining -= set(listed)
    remaining -= {"index.md", "pvar.md"}
    found["More"] = sorted(remaining)
    return {title: names for title, names in found.items() if names}


def copy_pages(folder: Path) -> list[Path]:
    """Copy all pages into one flat folder, with adapted links and converted formulas."""
    sources = {Path(page.name): page for page in sorted(DOCS.glob("*.md"))}
    sources |= {Path(name): ROOT / origin for name, origin in FROM_ROOT.items()}
    names = {origin: name for name, origin in sources.items()}
    shutil.copytree(DOCS / "figures", folder / "figures")
    for name, origin in sources.items():
        text = origin.read_text(encoding="utf-8")
        text = LINK.sub(lambda m, at=origin.parent: m[1] + _moved(m[2], at, names, folder), text)
        text = with_formulas(unescaped(text), origin.name)
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in sources]


def unescaped(text: str) -> str:
    """Remove the backslash before a bar in the code of a table.

    GitHub needs it. This generator would show it, and does not end a cell at a bar inside code.
    """
    rows = (
        CODE.sub(lambda code: code[0].replace(BAR, "|"), line) if line.startswith("|") else line
        for line in text.split("\n")
    )
    return "\n".join(rows)


def with_formulas(text: str, page: str) -> str:
    """Replace the formulas of a page by MathML."""
    from math_core import LatexError, LatexToMathML

    converter = LatexToMathML(fancy_error=False)

    def converted(match: re.Match[str]) -> str:
        display, inline = match["display"], match["inline"]
        if not (display or inline):
            return match[0]
        try:
            source = display or inline
            formula = converter.convert_with_local_state(source, displaystyle=bool(display))
        except LatexError as error:
            raise SystemExit(f"{page}: {match[0]} cannot be converted: {error}") from None
        formula = formula.translate(MARKUP).replace("\n", " ")
        if display:
            return f'<div style="overflow-x: auto">{formula}</div>'
        # Markdown would take `<math>` at the start of a line for the start of a paragraph.
        return f'<span style="white-space: nowrap">{formula}{match["after"]}</span>'

    if unpaired := re.search(r"\$.*", FORMULA.sub("", text)):
        raise SystemExit(f"{page}: a formula does not end on its line: {unpaired[0]}")
    return FORMULA.sub(converted, text)


def _moved(link: str, base: Path, names: Mapping[Path, Path], folder: Path) -> str:
    """A link as seen from the flat folder; a linked file that is not a page is copied too."""
    target = (base / link).resolve()
    if "://" in link or link.startswith("mailto:"):
        return link
    if not target.exists():
        raise SystemExit(f"{base}: the link {link} is broken")
    if target in names:
        return names[target].as_posix()
    if target.is_relative_to(DOCS):
        return target.relative_to(DOCS).as_posix()
    copy = folder / "files" / target.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(target, copy)
    return copy.relative_to(folder).as_posix()


def write_reference(folder: Path) -> list[dict[str, str]]:
    """Write the pages of the reference; return their entries in the navigation."""
    entries = []
    for title, names in reference().items():
        if title == "pvar":
            page, text = folder / "pvar.md", (folder / "pvar.md").read_text(encoding="utf-8")
            body = "\n".join(pvar_section(name.removeprefix("pvar.")) for name in names)
            page.write_text(f"{text}\n## Every function\n\n{body}", encoding="utf-8")
        else:
            page = folder / f"api-{title.lower().replace(' ', '-')}.md"
            body = "\n".join(f"::: {name}\n{options_table(name)}" for name in names)
            page.write_text(f"# {title}\n\n{body}", encoding="utf-8")
        entries.append({title: page.name})
    return entries


def options_table(name: str) -> str:
    """The options of a class with their allowed values; empty for any other name."""
    value = getattr(resdepth, name.removeprefix("resdepth."))
    if not (inspect.isclass(value) and issubclass(value, Options)):
        return ""
    grouped = issubclass(value, Grouped)
    lines = ["", "| option | values | meaning |", "|---|---|---|"]
    if grouped:
        lines = ["", "| option | group | values | meaning |", "|---|---|---|---|"]
    for option, info in value.fields().items():
        group = [_group(value, value.places[option])] if grouped else []
        cells = [f"`{option}`", *group, f"`{type_words(info)}`", python_help(info)]
        lines.append(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |")
    return unescaped("\n".join([*lines, ""]))


def _group(options: type[Grouped], place: Place) -> str:
    """The group of an option, and the kinds that have it if not all of them do."""
    some = place.kinds and len(place.kinds) < len(options.groups[place.group])
    return f"{place.group} ({', '.join(place.kinds)})" if some else place.group


def pvar_section(name: str) -> str:
    """The section of a name of `pvar`, made at run time because `pvar` is compiled."""
    value = getattr(pvar, name)
    lines = [f"### `{name}`", "", "```python", f"pvar.{name}{_signature(value)}", "```", ""]
    lines += [inspect.getdoc(value) or "", ""]
    if inspect.isclass(value) and not issubclass(value, tuple):
        for member in (m for m in vars(value) if not m.startswith("_")):
            method = getattr(value, member)
            lines += [f"- `{member}{_signature(method)}`: {inspect.getdoc(method)}"]
    return "\n".join([*lines, ""])


def _signature(value: Any) -> str:
    """The arguments without their types; empty if the value cannot be called."""
    if not callable(value):
        return ""
    signature = inspect.signature(value)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(plain))


def configuration(sections: Mapping[str, Sequence[str]], api: Sequence[Any]) -> dict[str, Any]:
    """The configuration of the generator."""
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
    """Build the site; stop at the first problem."""
    shutil.rmtree(BUILD, ignore_errors=True)
    folder = BUILD / "pages"
    folder.mkdir(parents=True)
    pages = copy_pages(folder)
    config = configuration(navigation(pages), write_reference(folder))
    (BUILD / "mkdocs.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    if code := subprocess.run(command, cwd=BUILD).returncode:
        return code
    for page in sorted((BUILD / "html").glob("*.html")):
        if remote := REMOTE.search(page.read_text(encoding="utf-8")):
            raise SystemExit(f"{page.name} does not work offline: {remote[0]}")
    print(BUILD / "html" / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
