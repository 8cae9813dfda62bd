"""Pieces of a page of HTML that holds all it shows: nothing is fetched, nothing runs."""

import base64
import io
from collections.abc import Callable, Sequence
from html import escape

from matplotlib.figure import Figure

from resdepth.figures import style

CSS = """
body{font:16px/1.5 Georgia,serif;color:#222;background:#fff;max-width:70rem;margin:0 auto;
padding:1rem}
h1,h2,h3{line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid #ccc}
.verdict{font-size:1.2rem;border-left:.3rem solid #0072b2;padding:.3rem .8rem;background:#f4f8fb}
.caution{border-left:.3rem solid #d55e00;padding:.2rem .8rem;margin:.5rem 0;background:#fdf5f0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
figure{margin:1.5rem 0}figure img{max-width:100%;width:60rem;height:auto}
figure.small img{width:32rem}figcaption{font-size:.9rem;color:#444}
details{margin:.4rem 0}summary{cursor:pointer;color:#0072b2}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem;background:#f6f6f6;padding:.6rem}
p,figcaption,li,dd{overflow-wrap:anywhere}
"""


def page(title: str, parts: Sequence[str]) -> str:
    """A whole page; `parts` are HTML."""
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body>"
    )
    return "\n".join([head, f"<h1>{escape(title)}</h1>", *parts, "</body></html>\n"])


def heading(text: str, level: int = 2) -> str:
    """A heading of plain text."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text; `kind` is its class."""
    return f"<p{f' class={kind}' if kind else ''}>{escape(text)}</p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row are the heads; it scrolls where the window is narrow."""
    head, *body = ([escape(cell) for cell in row] for row in rows)
    lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body]
    heads = "".join(f"<th>{cell}</th>" for cell in head)
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(lines)}</table></div>'


def definitions(title: str, words: Sequence[tuple[str, str]]) -> str:
    """Words and what they mean, a click away."""
    entries = "".join(f"<dt><b>{escape(a)}</b></dt><dd>{escape(b)}</dd>" for a, b in words)
    return f"<details><summary>{escape(title)}</summary><dl>{entries}</dl></details>"


def folded(title: str, text: str) -> str:
    """Text as it is, a click away."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def picture(draw: Callable[[int], Figure], caption: str, columns: int) -> str:
    """A figure `columns` wide, of one column where the window is narrow."""
    narrow = _encoded(draw(1))
    wide = narrow if columns == 1 else _encoded(draw(columns))
    small = ' class="small"' if columns == 1 else ""
    return (
        f'<figure{small}><picture><source media="(max-width: 700px)" srcset="{narrow}">'
        f'<img alt="{escape(caption)}" src="{wide}"></picture>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _encoded(drawn: Figure) -> str:
    # As images of their own: parts of one SVG cannot be taken for those of another.
    stream = io.BytesIO()
    with style.paper():
        drawn.savefig(stream, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode()
