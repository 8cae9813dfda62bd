"""Statistics of one path of weights A_0..A_{L-1}, by sums over a few of its columns at a time."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from resdepth.mathematics import Array
from resdepth.mathematics.pvariation import Numbers, p_variation_norm

CHUNK = 1 << 20  # Numbers per chunk
EPSILON = float(np.finfo(np.float64).eps)
LAGS = (1, 2, 4)  # Lags m of the Hurst exponent, each twice the previous one
TREND_SHARE = 0.1  # The trend is a mean over this share of the depth


@dataclass(frozen=True)
class PathStatistics:
    """Statistics of one path of depth L, with n_k = |A_k| (Euclidean, which is Frobenius).

    | name     | what                                                                           |
    |----------|--------------------------------------------------------------------------------|
    | RMS, M, R| root mean square of n_k, largest n_k, root of the sum of n_k^2                 |
    | I        | largest increment, max over k of |A_{k+1} - A_k|                               |
    | V1, P2   | 1-variation norm, 2-variation norm                                             |
    | PR       | participation ratio (sum n^2)^2 / (L sum n^4): 1 if all layers have the same   |
    |          | norm, 1/L if only one is not zero                                              |
    | NOISE    | (mean |D^3 A|^2 / 20)^(1/2): size of the rough part; D^3 A of white noise has  |
    |          | the variance 1 + 9 + 9 + 1 = 20, and that of a trend vanishes like L^(-3)      |
    | H        | Hurst exponent of the sums S(k) = A_0 + .. + A_{k-1}                           |

    H is half the slope of log mean |S(k+3m) - 3 S(k+2m) + 3 S(k+m) - S(k)|^2 on log m, m = 1, 2, 4:
    a generalised quadratic variation (J. Istas & G. Lang, Ann. Inst. H. Poincaré 33, 1997), which
    does not see a smooth trend. Independent layers give 1/2, a smooth path without noise 3.

    NaN if the path is too short (NOISE needs 4 layers, H 12), zero (PR), or smooth to rounding (H).
    """

    depth: int
    RMS: float
    M: float
    R: float
    I: float  # noqa: E741
    V1: float
    P2: float
    PR: float
    NOISE: float
    H: float


STATISTICS = tuple(field.name for field in fields(PathStatistics))[1:]


def path_statistics(path: Numbers) -> PathStatistics:
    """All statistics of `path` (L, d, d) or (L, D), unscaled."""
    flat = path.reshape(len(path), -1)
    variation, precision = p_variation_norm(flat, 2.0), float(np.finfo(flat.dtype).eps)
    return gathered_statistics(len(flat), _columns(flat), variation, precision)


def gathered_statistics(
    depth: int, columns: Iterable[Array], variation: float, precision: float = EPSILON
) -> PathStatistics:
    """All statistics of a path from `columns` (L, ...), a few at a time, and its 2-variation."""
    squares, increments = np.zeros(depth), np.zeros(depth - 1)
    roughness, sums = 0.0, np.zeros(len(LAGS))
    for part in columns:
        squares += _squares(part)
        first = np.diff(part, axis=0)
        increments += _squares(first)
        roughness += float(_squares(np.diff(first, n=2, axis=0)).sum())
        sums += _third_differences(part)
    steps = np.sqrt(increments)
    total, fourth = float(squares.sum()), float(squares @ squares)
    means = sums / (depth + 1 - 3 * np.array(LAGS))
    hurst, x = math.nan, np.log(LAGS) - np.log(LAGS).mean()
    if np.all(means > total / depth * precision**2):
        hurst = 0.5 * float(x @ np.log(means) / np.square(x).sum())
    return PathStatistics(
        depth=depth,
        RMS=math.sqrt(total / depth),
        M=math.sqrt(squares.max()),
        R=math.sqrt(total),
        I=float(steps.max(initial=0.0)),
        V1=float(steps.sum()),
        P2=variation,
        PR=total * total / (depth * fourth) if fourth > 0 else math.nan,
        NOISE=math.sqrt(roughness / (20 * (depth - 3))) if depth > 3 else math.nan,
        H=hurst,
    )


def noise_size(path: Numbers) -> float:
    """NOISE of `path` (L, D): root of the mean squared third difference over 20; L at least 4."""
    third = np.diff(path.astype(np.float64), n=3, axis=0)
    return math.sqrt(float(np.vdot(third, third)) / (20 * len(third)))


def trend(path: Numbers, share: float = TREND_SHARE) -> Array:
    """Moving mean of `path` (L, ...) over `share` of its depth, (L, ...); the rest is noise."""
    return moving_mean(path, int(share * len(path) / 2))


def moving_mean(path: Numbers, half_width: int) -> Array:
    """Mean of `path` (L, ...) over the centred window k - w .. k + w, (L, ...), float64.

    The window stays centred and shrinks near the ends: a straight line is its own moving mean.
    """
    depth = len(path)
    places = np.arange(depth)
    reach = np.minimum(half_width, np.minimum(places, places[::-1]))
    sums = np.zeros((depth + 1, *path.shape[1:]))
    np.cumsum(path, axis=0, dtype=np.float64, out=sums[1:])
    counts = (2 * reach + 1).reshape(-1, *(1 for _ in path.shape[1:]))
    return np.asarray((sums[places + reach + 1] - sums[places - reach]) / counts)


def doubling_distance(coarse: Numbers, fine: Numbers, beta: float) -> float:
    """Distance of L^beta A_k from every second layer of twice the depth, relative to its size.

    It decreases with the depth if paths converge; independent noise keeps it at 2^(1/2) or above.
    ValueError: shapes do not fit.
    """
    if fine.shape != (2 * len(coarse), *coarse.shape[1:]):
        raise ValueError(f"{fine.shape} is not {coarse.shape} at twice the depth")
    ours, theirs = coarse.reshape(len(coarse), -1), fine.reshape(len(fine), -1)[::2]
    away = size = 0.0
    for a, b in zip(_columns(ours), _columns(theirs), strict=True):
        away += float(_squares(2.0**beta * b - a).sum())
        size += float(_squares(a).sum())
    return math.sqrt(away / size) if size > 0 else math.nan


def _columns(flat: Numbers) -> Iterator[Array]:
    width = max(1, CHUNK // len(flat))
    for start in range(0, flat.shape[1], width):
        yield flat[:, start : start + width].astype(np.float64)


def _squares(rows: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def _third_differences(columns: Array) -> Array:
    """Sum over k of the squared third difference of S at each lag, from B_m(k) = S(k+m) - S(k)."""
    found, blocks = [], columns
    for m in LAGS:
        if m > 1:
            blocks = blocks[m // 2 :] + blocks[: -(m // 2)]
        if len(blocks) <= 2 * m:
            return np.full(len(LAGS), np.nan)
        differences = blocks[2 * m :] - 2.0 * blocks[m:-m] + blocks[: -2 * m]
        found.append(float(np.vdot(differences, differences)))
    return np.array(found)
