"""Traces by XTrace and by Hutchinson's probes, and norms of blocks: unbiased, with true errors."""

import numpy as np
import pytest
from numpy.typing import NDArray

from resdepth.mathematics.probes import block_traces, interaction, xtrace
from tests.mathematics.test_lanczos import like_a_hessian, reflected

Array = NDArray[np.float64]
SIZE = 300
SPECTRA: dict[str, Array] = {
    "outliers": like_a_hessian(SIZE),
    "decay": 0.9 ** np.arange(SIZE),
    "indefinite": np.random.default_rng(0).standard_normal(SIZE),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_it_is_unbiased(name: str) -> None:
    eigenvalues = SPECTRA[name]
    found = [xtrace(reflected(eigenvalues), SIZE, 20, seed=seed) for seed in range(300)]
    values, each = np.transpose(found)
    deviation = values.std(ddof=1)
    assert abs(values.mean() - eigenvalues.sum()) <= 4.0 * deviation / np.sqrt(len(values))
    # The standard errors tell the spread, within what 10 probes know of it.
    errors = np.sqrt(np.mean(each**2))
    assert 0.5 <= errors / deviation <= 2.0


def test_a_decaying_spectrum_needs_few_products() -> None:
    eigenvalues = 0.7 ** np.arange(SIZE)
    value, error = xtrace(reflected(eigenvalues), SIZE, 60)
    assert value == pytest.approx(eigenvalues.sum(), rel=1e-4)
    assert error <= 1e-4 * value


@pytest.mark.parametrize("rank", [0, 1, 5])
def test_a_matrix_of_low_rank_is_exact(rank: int) -> None:
    eigenvalues = np.zeros(50)
    eigenvalues[:rank] = 2.0
    assert xtrace(reflected(eigenvalues), 50, 16)[0] == pytest.approx(2.0 * rank, abs=1e-10)


def test_few_products_of_a_small_matrix_are_all_of_it() -> None:
    assert xtrace(reflected(np.arange(7.0)), 7, 8) == (pytest.approx(21.0, rel=1e-14), 0.0)


@pytest.mark.parametrize("products", [4, 6, 12])
@pytest.mark.parametrize("name", SPECTRA)
def test_it_is_its_definition_probe_by_probe(name: str, products: int) -> None:
    matrix, probes = reflected(SPECTRA[name])(np.eye(SIZE)), products // 2
    drawn = np.random.default_rng(5).standard_normal((probes, SIZE))
    drawn *= np.sqrt(SIZE) / np.linalg.norm(drawn, axis=1, keepdims=True)
    estimates = []
    for i, probe in enumerate(drawn):
        reached = np.linalg.qr(matrix @ np.delete(drawn, i, axis=0).T)[0]
        left = probe - reached @ (reached.T @ probe)
        rest = left @ matrix @ left * (SIZE - probes + 1) / (left @ left)
        estimates.append(np.trace(reached.T @ matrix @ reached) + rest)
    value, error = xtrace(lambda v: v @ matrix, SIZE, products, seed=5)
    assert value == pytest.approx(np.mean(estimates), rel=1e-8)
    assert error == pytest.approx(np.std(estimates, ddof=1) / np.sqrt(probes), rel=1e-6)


@pytest.mark.parametrize(("products", "expected"), [(4, 4), (5, 4), (10, 10), (60, 60)])
def test_it_takes_the_products_it_may(products: int, expected: int) -> None:
    product, asked = reflected(SPECTRA["decay"]), list[int]()

    def counted(v: Array) -> Array:
        asked.append(len(v))
        return product(v)

    _, error = xtrace(counted, SIZE, products)
    assert sum(asked) == expected and error > 0.0


def test_too_few_products_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        xtrace(reflected(np.arange(9.0)), 9, 3)


PARTED = 24
PARTS = [slice(0, 5), slice(5, 14), slice(14, 24)]
DRAWN = np.random.default_rng(3).standard_normal((PARTED, PARTED))
MATRIX = DRAWN + DRAWN.T
EXACT = np.array([np.trace(MATRIX[part, part]) for part in PARTS])


def test_block_traces_are_unbiased_with_the_spread_they_name() -> None:
    found = [
        block_traces(lambda v: v @ MATRIX, PARTS, PARTED, probes=11, seed=s) for s in range(400)
    ]
    values = np.array([value for value, _ in found])
    deviations = values.std(0, ddof=1)
    assert (np.abs(values.mean(0) - EXACT) <= 4.0 * deviations / 20.0).all()
    errors = np.sqrt(np.mean([error**2 for _, error in found], axis=0))
    np.testing.assert_allclose(errors, deviations, rtol=0.2)


def test_a_diagonal_matrix_has_no_spread() -> None:
    diagonal = np.arange(1.0, PARTED + 1)
    values, errors = block_traces(lambda v: v * diagonal, PARTS, PARTED, probes=2)
    np.testing.assert_allclose(values, [diagonal[part].sum() for part in PARTS], rtol=1e-14)
    np.testing.assert_allclose(errors, 0.0, atol=1e-12)


def test_one_hutchinson_probe_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        block_traces(lambda v: v, PARTS, PARTED, probes=1)


def test_interaction_of_groups() -> None:
    generator = np.random.default_rng(3)
    matrix = generator.standard_normal((60, 60))
    matrix = matrix + matrix.T
    groups = [slice(0, 10), slice(10, 35), slice(35, 60)]
    found = interaction(lambda v: v @ matrix, groups, 60, probes=400, seed=1)
    wanted = [[np.linalg.norm(matrix[one, other]) for other in groups] for one in groups]
    np.testing.assert_allclose(found, wanted, rtol=0.05)
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("probes", [1, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_signs_are_all_of_size_one(probes: int, seed: int) -> None:
    # The squares of a diagonal's products do not depend on the signs.
    diagonal = np.arange(1.0, 10.0)
    groups = [slice(0, 4), slice(4, 9)]
    found = interaction(lambda v: v * diagonal, groups, 9, probes=probes, seed=seed)
    norms = [np.linalg.norm(diagonal[group]) for group in groups]
    np.testing.assert_allclose(found, np.diag(norms), rtol=1e-14)
