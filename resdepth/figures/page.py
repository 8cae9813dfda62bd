"""Pieces of a page of HTML that holds all it shows, and the definitions of its words.

Nothing is fetched, nothing runs. Each definition is one click away from the word.
"""

import base64
import io
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.runs.provenance import Provenance

MEANINGS = {
    "A_k": "the weights of layer k = 0 … L - 1, not rescaled; n_k is their Frobenius norm. Each "
    "statistic is computed from one path k -> A_k, the weights of one run",
    "RMS, M, R": "size: root mean square of n_k, largest n_k, root of the sum of n_k^2",
    "I": "largest increment, the maximum over k of |A_(k+1) - A_k|",
    "V1, P2": "1- and 2-variation norm of k -> A_k: length and roughness of the path",
    "PR": "participation ratio (sum n^2)^2 / (L sum n^4): 1 if all layers have the same size, 1/L "
    "if one layer dominates",
    "NOISE": "size of the rough part: (mean |third difference of A|^2 / 20)^(1/2)",
    "H, hurst": "Hurst exponent of the sums A_0 + … + A_(k-1), from their third differences at "
    "lags 1, 2, 4: 1/2 for independent layers of any size. hurst is the mean over the seeds, each "
    "over its three deepest depths",
    "beta, nu": "minus the slopes of log RMS and of log NOISE against log L: the measured exponent "
    "beta-hat and the noise exponent",
    "q1, q2, irel, pr": "growth of V1/RMS (q1), P2/RMS (q2), I/RMS (irel) and PR (pr): slopes of "
    "their logarithms against log L. For independent layers q1 is 1 and irel is 0; for a smooth "
    "path q1 is 0 and irel is -1",
    "variation_norm": "growth of the 2-variation norm: slope of the log of L^beta' P2 against log "
    "L with beta' = 1 - alpha; 0 if the norm of the scaled weights stays bounded",
    "95 % interval, wider over": "Student's t; the wider of two intervals is shown: over the "
    "slopes of the seeds (seeds), or of the regression through the means by depth (depths). It "
    "covers the effective exponent over these depths, not the exponent of the limit",
    "bend": "quadratic coefficient of the log-log regression times the range of log L: the slope "
    "at the deepest depth minus the slope in the middle. Marked ! if its interval excludes 0: the "
    "exponent has not settled",
    "local slopes": "slope between two neighbouring depths, mean over the seeds; the columns are "
    "named after the depths",
    "H1, smooth limit (H1)": "limit of Cohen, Cont, Rossier & Xu (2021): A_k = L^(-beta) Abar(k/L) "
    "with a smooth Abar. It is the verdict if the interval of irel lies below -1/2 and that of q1 "
    "below 1/4",
    "H2, diffusive limit (H2)": "limit of the same paper: such a trend plus independent noise of "
    "order L^(-1/2) in every layer. It is the verdict if the interval of q1 lies above 0.1, that "
    "of nu within [.35, .65] and that of H within [.4, .6]",
    "neither, neither limit, undecided": "neither: the intervals exclude both limits, for the "
    "reason given. undecided: the intervals are too wide, or the deepest depths contradict the "
    "others",
    "alpha + nu": "noise of this size changes the hidden state in the limit if the sum is at most "
    "1/2",
    "weights, noise share, crossover depth": "what the weights of a seed approach; NOISE/RMS at "
    "the deepest depth; the depth beyond which the noise dominates P2: the 2-variation norm of the "
    "trend equals that of the noise there ('never': the noise does not take over or is not seen)",
    "rho (noise)": "slope of RMS/NOISE: below 1/2 the noise makes P2 grow like L^(1/2 - rho) "
    "beyond the crossover depth",
    "function, smooth, pair, shuffle": "what the network's function sees of the noise: slope of "
    "the output change in log-log if layers are replaced by their mean over a window (smooth), by "
    "a random one of each pair (pair), or shuffled within blocks (shuffle). curve: about -1, -3/2, "
    "-1; mean-field: 0, -1/2, -1; realisation: pair near 0",
    "output change": "|h' - h| / |h - h_0| of the last hidden state before and after",
    "distance L to 2L": "|h(2L) - h(L)| / |h(L) - h_0| of the last hidden states of one seed",
    "norms": "the Frobenius norm of every layer against k/L, scaled by L^(1 - alpha); band: 95 % "
    "interval of the mean over the seeds",
    "profile": "p-variation norm of k -> L^(1 - alpha) A_k: the largest sum of |A_(k') - A_k|^p "
    "over partitions of the layers, to the power 1/p; a dot marks the critical exponent, below "
    "which the norm grows with the depth",
    "growth": "slope of the log of the p-variation norm against log L, for each p; 0: the norm is "
    "bounded",
    "entries": "single entries (i, j) of the scaled weights as paths through the layers: one line "
    "per run, or the mean with its 95 % band if there are many runs",
    "trend": "moving mean of one entry over a tenth of the depth; noise is the rest",
    "distance": "|(2L)^beta A^(2L)_(2k) - L^beta A^(L)_k| over all k relative to L^beta A^(L), for "
    "the same seed and the estimated beta: decreases if paths approach a limit, stays constant if "
    "layers are independent",
    "Omega, C, T0, rho": "mean squared norm of the gradient of the loss in the prediction, during "
    "training; fitted by C / (t + T0)^rho with t in steps; mean over the seeds whose fit is "
    "identified, with its 95 % interval",
    "identified": "number of fits whose parameters the data determine; the others have a flat or "
    "unbounded sum of squares, for example if training was too short to show a power law",
    "lambda_1": "largest eigenvalue of the Hessian of the training loss at the end of training",
    "rate x lambda_1": "the last learning rate times lambda_1; gradient descent is stable below 2",
    "tr H, tr GN": "traces of the Hessian and of its Gauss-Newton part",
    "rate": "the learning rate of runs of this depth: lr (L/D)^e with the base rate lr, D "
    "(lr_depth) and e (lr_depth_exponent)",
    "best tried, best rate": "the rate with the smallest mean final loss among those that were "
    "tried (if training stops at a loss: that needs the fewest steps), and the lowest point of the "
    "bowl through the rates around it, with its 95 % interval over the seeds. These are base rates "
    "if the rate depends on the depth. Rates at which a run diverged are excluded",
    "stable up to": "the largest rate tried at which no run diverged",
    "transfers, drifts": "transfers: one rate is the best at all depths (exponent within 0.1 of 0, "
    "and the loss lost at the deepest depth is below one deviation over the seeds); drifts: the "
    "interval of the exponent excludes 0",
    "used": "cells that finished and, if training stops at a loss, reached it; all others are "
    "excluded from every number and named",
    "steps, loss, seconds": "updates done, loss over the training set after the last one, training "
    "time without validation and checkpoints",
}
"""Definitions by the words that they explain (by commas), in the order of the page."""

WORDS = frozenset(word for words in MEANINGS for word in words.split(", "))
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


def anchor(word: str) -> str:
    """Return the name of the place on the page that explains a word."""
    return "is-" + "".join(letter if letter.isalnum() else "-" for letter in word)


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
