"""Eigenvalues, counts and traces of matrices whose spectrum is known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence

from resdepth.errors import NotConverged
from resdepth.mathematics import spectrum
from resdepth.mathematics.spectrum import Product, extreme_eigenpairs, interaction

Array = NDArray[np.float64]
SIZE = 5_000


def reflected(eigenvalues: Array, seed: int = 0) -> Product:
    """A full matrix with these eigenvalues: a diagonal between two reflections."""
    axis = np.random.default_rng(seed).standard_normal(len(eigenvalues))
    axis /= np.linalg.norm(axis)

    def product(v: Array) -> Array:
        v = v - 2.0 * (v @ axis)[:, None] * axis
        v = v * eigenvalues
        return v - 2.0 * (v @ axis)[:, None] * axis

    return product


def like_a_hessian(size: int = SIZE, seed: int = 1) -> Array:
    """A few outliers, a bulk around zero and a thin negative side, from the smallest up."""
    generator = np.random.default_rng(seed)
    outliers = 0.05 * 1.6 ** np.arange(12)
    bulk = 1e-3 * generator.standard_normal(size - 20)
    return np.sort(np.concatenate([outliers, bulk, -0.02 * generator.random(8) - 0.01]))


def test_the_top_of_a_large_matrix() -> None:
    eigenvalues = like_a_hessian()
    found = extreme_eigenpairs(reflected(eigenvalues), SIZE, 10)
    np.testing.assert_allclose(found.values, eigenvalues[:-11:-1], rtol=1e-8)
    assert found.products - len(found.values) <= 45
    assert found.residuals.max() <= 1e-5 * eigenvalues[-1]
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(10), atol=1e-10)


def test_both_ends() -> None:
    eigenvalues = like_a_hessian()
    found = extreme_eigenpairs(reflected(eigenvalues), SIZE, 3, 2)
    wanted = np.concatenate([eigenvalues[:-4:-1], eigenvalues[1::-1]])
    np.testing.assert_allclose(found.values, wanted, rtol=1e-7)


@pytest.mark.parametrize("size", [1, 2, 9, 70])
@pytest.mark.parametrize(("top", "smallest"), [(1, 0), (2, 1), (10, 3), (100, 100)])
def test_small_matrices_are_diagonalised(size: int, top: int, smallest: int) -> None:
    eigenvalues = np.sort(np.random.default_rng(size).standard_normal(size))
    found = extreme_eigenpairs(reflected(eigenvalues), size, top, smallest)
    wanted = eigenvalues
    if top + smallest < size:
        wanted = np.concatenate([eigenvalues[:smallest], eigenvalues[size - top :]])
    np.testing.assert_allclose(found.values, wanted[::-1], atol=1e-12)
    assert found.residuals.max() <= 1e-12
    assert found.products == size + len(found.values)


def test_the_same_seed_gives_the_same_bits() -> None:
    product = reflected(like_a_hessian())
    one, other = (extreme_eigenpairs(product, SIZE, 4, seed=7) for _ in range(2))
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.vectors, other.vectors)


def test_what_does_not_converge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*arguments: object, **options: object) -> None:
        raise ArpackNoConvergence("no", np.zeros(2), np.zeros((SIZE, 2)))

    monkeypatch.setattr(spectrum, "eigsh", give_up)
    with pytest.raises(NotConverged, match="2 of 5 converged in 0 products"):
        extreme_eigenpairs(reflected(like_a_hessian()), SIZE, 5)


def test_interaction_of_groups() -> None:
    generator = np.random.default_rng(3)
    matrix = generator.standard_normal((60, 60))
    matrix = matrix + matrix.T
    groups = [slice(0, 10), slice(10, 35), slice(35, 60)]
    found = interaction(lambda v: v @ matrix, groups, 60, probes=400, seed=1)
    wanted = [[np.linalg.norm(matrix[one, other]) for other in groups] for one in groups]
    np.testing.assert_allclose(found, wanted, rtol=0.05)
    np.testing.assert_array_equal(found, found.T)
