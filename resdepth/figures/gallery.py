"""The figures of a report: what each is called, says and is drawn by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from resdepth.analysis.entries import entry_table
from resdepth.analysis.path_tables import norm_table, profile_table, variation_table, variations
from resdepth.analysis.rates import RateTable
from resdepth.analysis.study import Experiment
from resdepth.figures.curvature import draw_curvature
from resdepth.figures.decays import draw_decays
from resdepth.figures.paths import draw_entries, draw_norms, draw_profile, entries_drawn
from resdepth.figures.scaling import draw_scaling
from resdepth.figures.study import draw_doubling, draw_growth, draw_rates, draw_trend

GRID = tuple(float(p) for p in np.linspace(1.0, 4.0, 13))
"""Exponents p that p-variation norms are drawn at."""


@dataclass(frozen=True)
class Picture:
    """A figure: name of its file, caption, the word whose meaning it shows, columns, drawing."""

    name: str
    caption: str
    word: str
    columns: int
    draw: Callable[[int], Figure]


def rate_picture(table: RateTable) -> Picture:
    """Loss against the rate for runs that differ in seed, depth and rate alone."""
    caption = "Final loss against the base rate, and the best base rate against the depth"
    if any(curve.steps for curve in table.curves):
        caption = caption.replace("Final loss", "Steps to the loss at which training stops")
    return Picture(
        "rates", caption, "best rate", 2, lambda columns: draw_rates(table.curves, columns)
    )


def pictures(one: Experiment) -> Iterator[Picture]:
    """The figures of one experiment in the order of the page; none where no cell counts."""
    if one.scaling is None:
        return
    yield from _of_statistics(one)
    yield from _of_paths(one)
    yield from _of_training(one)


def _of_statistics(one: Experiment) -> Iterator[Picture]:
    scaling, doubling = one.scaling, one.doubling
    if scaling is not None:
        yield Picture(
            "scaling",
            "Statistics against the depth: one dot per seed, 95 % band of the mean, power law",
            "beta",
            2,
            lambda columns: draw_scaling(scaling, columns),
        )
    if doubling is not None:
        yield Picture(
            "doubling",
            f"Relative distance between the paths at L and 2L, scaled by L^{doubling.beta:.2g}: "
            "one dot per seed, the mean with its 95 % interval, the power law",
            "distance",
            1,
            lambda columns: draw_doubling(doubling, columns),
        )


def _of_paths(one: Experiment) -> Iterator[Picture]:
    models, beta = one.models, one.beta
    path = f"L^{beta:g} A_k" if beta else "A_k"
    variation = variations(models, beta, GRID)
    norms, profile = norm_table(models, beta), profile_table(models, beta, GRID, variation)
    yield Picture(
        "norms",
        f"Norms of the layers, |{path}|, against k/L",
        "norms",
        1,
        lambda columns: draw_norms(norms, columns),
    )
    yield Picture(
        "profile",
        f"p-variation norm of k -> {path} against p",
        "profile",
        1,
        lambda columns: draw_profile(profile, columns),
    )
    if len({model.depth for model in models}) > 1:
        growth = variation_table(models, beta, GRID, variation)
        yield Picture(
            "growth",
            "The power of L that the p-variation norm follows, against p, with its 95 % interval",
            "growth",
            1,
            lambda columns: draw_growth(growth, columns),
        )
    entries = entry_table(models, beta)
    yield Picture(
        "entries",
        f"Single entries of {path}: {entries_drawn(entries)}",
        "entries",
        2,
        lambda columns: draw_entries(entries, columns),
    )
    deepest = models[-1]
    yield Picture(
        "trend",
        f"Trend and noise of one entry at L = {deepest.depth}",
        "trend",
        2,
        lambda columns: draw_trend(deepest, beta, columns),
    )


def _of_training(one: Experiment) -> Iterator[Picture]:
    decays, curvature = one.decays, one.curvature
    if decays:
        yield Picture(
            "omega",
            "Omega during training: median and range over the seeds of each depth, at the steps "
            "that all of them recorded; exponent of its power law, one dot per seed whose fit is "
            "identified, mean with its 95 % interval",
            "Omega",
            2,
            lambda columns: draw_decays(decays, columns),
        )
    if curvature is not None:
        yield Picture(
            "curvature",
            "Curvature of the training loss at the end of training: largest eigenvalue of the "
            "Hessian, this eigenvalue times the rate, with the limit 2; traces; one dot per seed",
            "lambda_1",
            2,
            lambda columns: draw_curvature(curvature, columns),
        )
