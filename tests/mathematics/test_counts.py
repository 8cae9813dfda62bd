"""Counts of eigenvalues against spectra that are known, and the band against its promise."""

import numpy as np
import pytest
from numpy.typing import NDArray

from resdepth.mathematics.lanczos import extreme_eigenpairs
from resdepth.mathematics.probes import DEVIATIONS, Measure, counts, measures
from tests.mathematics.test_lanczos import like_a_hessian, reflected
from tests.support.products import products

Array = NDArray[np.float64]
SIZE = 400


def spectra() -> dict[str, Array]:
    generator = np.random.default_rng(0)
    return {
        "outliers": like_a_hessian(SIZE),
        "normal": np.sort(generator.standard_normal(SIZE)),
        "clusters": np.sort(np.repeat([-1.0, 0.0, 0.1, 5.0], SIZE // 4)),
        "decades": np.sort(np.concatenate([-np.logspace(-9, -1, 100), np.logspace(-9, 2, 300)])),
    }


SPECTRA = spectra()


@pytest.mark.long
@products(name=SPECTRA, known=[0, 6])
def test_the_band_covers(name: str, known: int) -> None:
    eigenvalues = SPECTRA[name]
    product = reflected(eigenvalues)
    span = np.abs(eigenvalues).max()
    # Points between the eigenvalues: at one of them both counts are right to a rounding.
    grid = np.concatenate([-np.logspace(-8, 0, 40)[::-1], np.logspace(-8, 0, 40)]) * span * 0.9931
    pairs = extreme_eigenpairs(product, SIZE, known) if known else None
    above = (eigenvalues[None, :] > grid[:, None]).sum(1)
    covered = []
    for seed in range(50):
        found = counts(
            measures(
                product,
                SIZE,
                probes=8,
                steps=30,
                known=None if pairs is None else pairs.vectors,
                seed=seed,
            ),
            grid,
            SIZE,
            None if pairs is None else pairs.values,
        )
        slack = 1e-6
        for band, wanted in ((found.above, above), (found.below, SIZE - above)):
            assert (band.lower <= band.estimate).all() and (band.estimate <= band.upper).all()
            covered.append((band.lower - slack <= wanted) & (wanted <= band.upper + slack))
    assert np.mean(covered) >= 0.95


def test_enough_steps_count_exactly() -> None:
    eigenvalues = np.repeat([-2.0, 0.5, 3.0], [3, 5, 2])
    found = measures(reflected(eigenvalues), 10, probes=40, steps=10)
    # As many nodes as there are distinct eigenvalues.
    assert {len(measure.nodes) for measure in found} == {3}
    counted = counts(found, np.array([-3.0, -1.0, 1.0, 4.0]), 10)
    np.testing.assert_allclose(counted.below.estimate, [0.0, 3.0, 8.0, 10.0], atol=0.6)
    np.testing.assert_allclose(counted.above.estimate, [10.0, 7.0, 2.0, 0.0], atol=0.6)


def test_known_eigenvalues_are_counted_and_left_out() -> None:
    eigenvalues = like_a_hessian(SIZE)
    product = reflected(eigenvalues)
    pairs = extreme_eigenpairs(product, SIZE, 12)
    found = measures(product, SIZE, probes=4, steps=20, known=pairs.vectors)
    assert max(measure.nodes.max() for measure in found) < pairs.values.min()
    counted = counts(found, np.array([0.04]), SIZE, pairs.values)
    assert counted.above.estimate == counted.above.lower == 12
    # A rule of so few nodes does not exclude one beyond its last.
    assert counted.above.upper > 12


def one_more_or_less(nodes: Array, weights: Array, x: float) -> tuple[float, float, float]:
    """The weight of the nodes at or below x: without the last of them, as it is, with the next."""
    count = sum(node <= x for node in nodes)
    return tuple(float(sum(weights[: max(count + by, 0)])) for by in (-1, 0, 1))


@pytest.mark.parametrize("x", [-3.0, -1.0, 0.3, 1.0, 2.5, 9.0])
@pytest.mark.parametrize("sign", [1, -1], ids=["below", "above"])
def test_the_band_is_one_node_and_two_errors_wide(x: float, sign: int) -> None:
    random = np.random.default_rng(0)
    nodes = [np.sort(random.normal(size=n)) * 2 for n in (4, 5, 6)]
    weights = [random.dirichlet(np.ones(len(n))) * random.uniform(8, 12) for n in nodes]
    measured = [Measure(*pair) for pair in zip(nodes, weights, strict=True)]
    known = np.array([-1.0, 5.0])
    found = counts(measured, np.array([x]), 12, known)
    band, exact = (found.below, known <= x) if sign == 1 else (found.above, known > x)
    # Above x is below -x, turned around.
    pairs = [(sign * n[::sign], w[::sign]) for n, w in zip(nodes, weights, strict=True)]
    sums = np.array([one_more_or_less(*pair, sign * x) for pair in pairs])
    error = DEVIATIONS * sums.std(0, ddof=1) / np.sqrt(3)
    expected = (sums.mean(0) + error * [-1, 0, 1]).clip(0, 10) + exact.sum()
    drawn = [float(part[0]) for part in (band.lower, band.estimate, band.upper)]
    np.testing.assert_allclose(drawn, expected, rtol=1e-12, atol=1e-12)


def test_one_probe_has_no_band() -> None:
    found = measures(reflected(np.arange(5.0)), 5, probes=1, steps=3)
    with pytest.raises(ValueError, match="at least 2"):
        counts(found, np.zeros(1), 5)


@pytest.mark.parametrize("size", [1, 2])
def test_tiny_matrices(size: int) -> None:
    found = measures(reflected(np.full(size, 2.0)), size, probes=2, steps=5)
    counted = counts(found, np.array([1.0, 3.0]), size)
    np.testing.assert_allclose(counted.above.estimate, [size, 0.0])


def test_a_matrix_of_zeros() -> None:
    found = measures(lambda v: 0.0 * v, 6, probes=2, steps=4)
    assert all(len(measure.nodes) == 1 for measure in found)
