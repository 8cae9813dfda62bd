"""Exact fractional Gaussian noise: the increments of fractional Brownian motion of index H.

By circulant embedding of order 2n (R. B. Davies & D. S. Harte, Biometrika 74, 1987), whose
eigenvalues are not negative for any H in (0, 1): P. F. Craigmile, J. Time Series Analysis 24 (2003)
for H < 1/2, C. R. Dietrich & G. N. Newsam, SIAM J. Sci. Comput. 18 (1997) for H > 1/2.
"""

from collections.abc import Iterable

import numpy as np
from numpy.fft import irfft, rfft

from resdepth.mathematics import Array


def autocovariance(lags: int, hurst: float) -> Array:
    """E x_0 x_k of unit noise, k = 0..lags: (|k+1|^(2H) - 2 k^(2H) + |k-1|^(2H)) / 2; 0 < H < 1."""
    k = np.arange(1.0, lags + 1)
    twice = 2.0 * hurst
    # Powers that do not cancel; log1p(-1) at k = 1 is the power 0^(2H) = 0.
    with np.errstate(divide="ignore"):
        sides = np.expm1(twice * np.log1p(1 / k)) + np.expm1(twice * np.log1p(-1 / k))
    return np.concatenate([[1.0], 0.5 * k**twice * sides])


def eigenvalues(length: int, hurst: float) -> Array:
    """lambda_0..lambda_n of the circulant matrix of order 2n; lambda_{2n-j} = lambda_j."""
    covariances = autocovariance(length, hurst)
    circle = np.concatenate([covariances, covariances[-2:0:-1]])
    # Rounding alone makes them negative.
    return np.asarray(np.maximum(rfft(circle).real, 0.0))


def fractional_noise(length: int, hurst: float, generators: Iterable[np.random.Generator]) -> Array:
    """Unit fractional Gaussian noise, (generators, length); 0 < H < 1.

    Each generator gives 2n normal variates z: two for lambda_0 and lambda_n, with the weight
    (2n lambda)^(1/2), and two for every other lambda_j, (n lambda_j)^(1/2) (z + i z').
    """
    weights = np.sqrt(length * eigenvalues(length, hurst))
    weights[[0, -1]] *= np.sqrt(2.0)
    spectrum, series = np.zeros(length + 1, dtype=np.complex128), []
    for generator in generators:
        z = generator.standard_normal(2 * length)
        spectrum.real[[0, -1]] = z[:2]
        spectrum.real[1:-1], spectrum.imag[1:-1] = z[2 : length + 1], z[length + 1 :]
        series.append(irfft(weights * spectrum, 2 * length)[:length])
    return np.stack(series)


def coarsen(noise: Array, hurst: float, length: int) -> Array:
    """The same motion at `length` points, else ValueError: sums of pairs times 2^(-H)."""
    if noise.shape[-1] not in {length << doublings for doublings in range(64)}:
        raise ValueError(f"{noise.shape[-1]} is not {length} times a power of two")
    while noise.shape[-1] > length:
        noise = 2.0**-hurst * (noise[..., ::2] + noise[..., 1::2])
    return noise
