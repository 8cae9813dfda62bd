"""Trained weights as paths k -> L^beta A_k: norms and p-variation.

Models of one family and depth are repetitions, others are curves of their own. Every table asks
`together` whether they may be averaged.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth.analysis.measure import AnyModel, M, critical, layer_norms, variation_norms, way
from resdepth.analysis.path_tables import (
    NormCurve,
    NormTable,
    Profile,
    ProfileTable,
    Variation,
    VariationTable,
)
from resdepth.analysis.pool import seed_names, together
from resdepth.errors import Usage
from resdepth.mathematics.interval import mean_band
from resdepth.mathematics.norms import Norm
from resdepth.mathematics.pvariation import CriticalExponent, path_scale
from resdepth.mathematics.slopes import NOTHING, PowerLaw, power_law

Array = NDArray[np.float64]


def common_beta(models: Sequence[AnyModel], beta: float | None) -> float:
    """`beta` where it is given, else the one that all the runs share.

    Raises
    ------
    Usage
        A model belongs to no run, or the runs were trained with different alpha.
    """
    if beta is not None:
        return beta
    for model in models:
        if model.beta is None:
            reason = f"is needed: {model.path} belongs to no run that would tell"
            raise Usage("beta", reason, "beta = 1 - alpha")
        if model.beta != models[0].beta:
            first = f"{models[0].path} has {models[0].beta:g}"
            raise Usage(
                "beta",
                f"is needed: {first}, {model.path} has {model.beta:g}",
                "give the one to scale all of them with",
            )
    return models[0].beta or 0.0


def by_depth(models: Sequence[M]) -> Iterator[tuple[str, int, list[M]]]:
    """Family, depth and models of each curve: families as they come, depths ascending."""
    families = list(dict.fromkeys(model.family for model in models))
    ordered = sorted(models, key=lambda model: (families.index(model.family), model.depth))
    for (family, depth), group in groupby(ordered, key=lambda model: (model.family, model.depth)):
        yield family, depth, list(group)


def positions(depth: int) -> Array:
    """k / L for k = 0..L-1."""
    return np.arange(depth) / depth


def norm_table(
    models: Sequence[AnyModel], beta: float, kind: Norm = "frobenius", size: Sequence[int] = ()
) -> NormTable:
    """L^beta |A_k| along the layers: mean and band over the models of each family and depth.

    `beta` is that of the runs, 1 - alpha; `size` that of the input of convolutions, for their
    operator norm. The band is the 95 % interval of the mean by Student's t,
    (L,) for each depth, NaN where a depth has one model.
    """
    curves = []
    for family, depth, group in by_depth(together(models)):
        norms = np.stack([layer_norms(model, kind, size) for model in group])
        band = mean_band(path_scale(depth, beta) * norms)
        curves.append(NormCurve(depth, files(group), positions(depth), band, family))
    return NormTable(beta, tuple(curves), kind)


def variations(models: Sequence[AnyModel], beta: float, exponents: Sequence[float]) -> list[Array]:
    """p-variation norms (models, exponents) of each family and depth, as `by_depth` has them."""
    return [
        np.stack([variation_norms(model, beta, exponents) for model in group])
        for _, _, group in by_depth(together(models))
    ]


def variation_table(
    models: Sequence[AnyModel],
    beta: float,
    exponents: Sequence[float],
    norms: Sequence[Array] | None = None,
) -> VariationTable:
    """p-variation norms V_p^(1/p) of k -> L^beta A_k for each depth and exponent p >= 1.

    `norm` of a row is (exponents,); `growth` is the slope of log norm on log L with its 95 %
    interval, one an exponent. `norms` are those of `variations`, if they are known already.

    Raises
    ------
    ValueError
        An exponent is below 1.
    """
    models = together(models)
    norms = norms or variations(models, beta, exponents)
    rows = tuple(
        Variation(depth, files(group), mean_band(found), family, way(group[0]))
        for found, (family, depth, group) in zip(norms, by_depth(models), strict=True)
    )
    several = len({model.family for model in models}) > 1
    growth = (NOTHING,) * len(exponents) if several else _growth(models, np.concatenate(norms))
    return VariationTable(beta, tuple(exponents), rows, growth)


def _growth(models: Sequence[AnyModel], norms: Array) -> tuple[PowerLaw, ...]:
    """Power of L for each exponent; `norms` (models, exponents) by depth, in the models' order.

    A path of one point has no variation and says nothing of growth.
    """
    ordered = [model for _, _, group in by_depth(models) for model in group]
    seeds, rows = np.unique([str(name) for name in seed_names(ordered)], return_inverse=True)
    depths, columns = np.unique([model.depth for model in ordered], return_inverse=True)
    values = np.full((norms.shape[1], len(seeds), len(depths)), np.nan)
    values[:, rows, columns] = np.where(norms > 0, norms, np.nan).T
    varying = depths > 1
    return tuple(
        power_law(depths[varying].astype(np.float64), table[:, varying]) for table in values
    )


def profile_table(
    models: Sequence[AnyModel],
    beta: float,
    exponents: Sequence[float],
    norms: Sequence[Array] | None = None,
) -> ProfileTable:
    """p-variation norms V_p^(1/p) of k -> L^beta A_k along a grid of p >= 1, critical exponents.

    `norm` of a row is (exponents,); `critical` is None below 257 layers. Source of the estimator:
    Bayer, Friz & Tapia, SIAM J. Math. Data Sci. 5 (2023). `norms` are those of `variations`, if
    they are known already.

    Raises
    ------
    ValueError
        An exponent is below 1.
    """
    rows = []
    models = together(models)
    norms = norms or variations(models, beta, exponents)
    for found, (family, depth, group) in zip(norms, by_depth(models), strict=True):
        runs = tuple(critical(model, beta) for model in group)
        mean, band = _mean_critical(runs), mean_band(found)
        rows.append(Profile(depth, files(group), band, mean, runs, family, way(group[0])))
    return ProfileTable(beta, tuple(exponents), tuple(rows))


def _mean_critical(runs: Sequence[CriticalExponent | None]) -> CriticalExponent | None:
    found = [run for run in runs if run is not None]
    if len(found) < 2:
        return found[0] if found else None
    values = np.array([run.value for run in found])
    if not np.isfinite(values).all():
        return CriticalExponent(float("inf"), float("nan"))
    error = values.std(ddof=1) / np.sqrt(len(values))
    return CriticalExponent(float(values.mean()), float(error))


def files(models: Sequence[AnyModel]) -> tuple[Path, ...]:
    """Where the models of a curve come from."""
    return tuple(model.path for model in models)
