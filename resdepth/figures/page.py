"""Pieces of a page of HTML that holds all it shows: nothing is fetched, nothing runs."""

import base64
import io
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.figures.words import MEANINGS, WORDS, anchor
from resdepth.runs.provenance import Provenance

CSS = (files(__package__) / "page.css").read_text(encoding="utf-8")
VALUE = re.compile(r"(?<!\w)(" + "|".join(sorted(map(re.escape, WORDS), key=len)[::-1])
                   + r")(?= = |: )")  # fmt: skip
"""A word in a sentence that says what it is: `q1 = 0.9`, or `undecided: `."""
CODE = re.compile("`([^`]+)`")


def metadata(provenance: Provenance | None) -> str:
    """Return the tag in the head of a page that holds the provenance as JSON."""
    brief = "" if provenance is None else escape(provenance.brief())
    return f'<meta name="provenance" content="{brief}">' if brief else ""


def page(title: str, parts: Sequence[str], provenance: Provenance | None = None) -> str:
    """Return a whole page; `parts` are HTML."""
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"{metadata(provenance)}<title>{escape(title)}</title><style>\n{CSS}</style></head><body>"
    )
    return "\n".join([head, f"<h1>{escape(title)}</h1>", *parts, "</body></html>\n"])


def heading(text: str, level: int = 2) -> str:
    """Return a heading of plain text."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of class `kind`; words before a value are links, `code` is set as such."""
    linked = VALUE.sub(lambda found: link(found[1], found[1]), escape(text))
    marked = CODE.sub(r"<code>\1</code>", linked)
    return f"<p{f' class={kind}' if kind else ''}>{marked}</p>"


def link(word: str, text: str) -> str:
    """Return `text` as a link to the meaning of a word."""
    return f'<a href="#{anchor(word)}">{escape(text)}</a>'


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table; words in its head (the first row) and first column lead to their meanings."""
    head, *body = rows
    lines = ["".join(f"<th>{_linked(cell)}</th>" for cell in head)]
    for first, *rest in body:
        cells = "".join(f"<td{_sort(cell)}>{escape(cell)}</td>" for cell in rest)
        lines.append(f"<td>{_linked(first)}</td>{cells}")
    whole = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>{whole}</table></div>'


def _linked(cell: str) -> str:
    return link(cell, cell) if cell in WORDS else escape(cell)


def _sort(cell: str) -> str:
    # Words stand on the left, numbers on the right.
    return ' class="words"' if any(letter.isalpha() for letter in cell.replace("e", "")) else ""


def meanings() -> str:
    """Return all words with their meanings."""
    entries = ""
    for words, meaning in MEANINGS.items():
        names = [f'<b id="{anchor(word)}">{escape(word)}</b>' for word in words.split(", ")]
        entries += f"<dt>{', '.join(names)}</dt><dd>{escape(meaning)}</dd>"
    return f"<dl>{entries}</dl>"


def folded(title: str, text: str) -> str:
    """Return preformatted text that a click opens."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def picture(wide: Figure, narrow: Figure, caption: str, word: str) -> str:
    """Return a figure in two widths, the narrow one for narrow windows; `word` explains it."""
    small = ' class="small"' if wide is narrow else ""
    image = {drawn: _encoded(drawn) for drawn in dict.fromkeys((narrow, wide))}
    return (
        f'<figure{small}><picture><source media="(max-width: 700px)" srcset="{image[narrow]}">'
        f'<img alt="{escape(caption)}" src="{image[wide]}"></picture>'
        f"<figcaption>{escape(caption)} ({link(word, 'what this is')})</figcaption></figure>"
    )


def _encoded(drawn: Figure) -> str:
    # As images of their own: parts of one SVG cannot be confused with those of another.
    stream = io.BytesIO()
    with style.paper():
        drawn.savefig(stream, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode()
