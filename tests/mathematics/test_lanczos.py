"""Eigenvalues, counts and traces of matrices whose spectrum is known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence

from resdepth.errors import Impossible
from resdepth.mathematics import lanczos
from resdepth.mathematics.lanczos import Product, extreme_eigenpairs
from tests.support.messages import refused

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


def repeated(copies: int, place: int, spread: float = 0.0) -> Array:
    """A spectrum with a multiple eigenvalue, or a cluster, `place` from the top."""
    eigenvalues = like_a_hessian(800)
    which = slice(len(eigenvalues) - place - copies, len(eigenvalues) - place)
    eigenvalues[which] = eigenvalues[which][0] * (1.0 + spread * np.arange(copies))
    return eigenvalues


def assert_found(eigenvalues: Array, top: int, smallest: int, tolerance: float = 1e-6) -> None:
    found = extreme_eigenpairs(
        reflected(eigenvalues), len(eigenvalues), top, smallest, tolerance=tolerance
    )
    descending = np.sort(eigenvalues)[::-1]
    wanted = np.concatenate([descending[:top], descending[len(descending) - smallest :]])
    scale = np.abs(eigenvalues).max()
    np.testing.assert_allclose(found.values, wanted, rtol=tolerance, atol=1e-9 * scale)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(top + smallest), atol=1e-10)
    assert found.residuals.max() <= 2 * tolerance * scale


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("spread", [0.0, 1e-10])
@pytest.mark.parametrize("copies", [2, 3, 5])
@pytest.mark.parametrize("place", [0, 2])
def test_copies_of_a_multiple_eigenvalue_are_found(
    copies: int, place: int, spread: float, sign: float
) -> None:
    eigenvalues = sign * repeated(copies, place, spread)
    top = place + copies + 1
    assert_found(eigenvalues, *((top, 2) if sign > 0 else (2, top)))


@pytest.mark.parametrize("tolerance", [1e-4, 1e-3])
def test_copies_are_found_at_a_coarse_tolerance(tolerance: float) -> None:
    assert_found(repeated(5, 1), 8, 1, tolerance)


LOW_RANK = np.concatenate([[3.0, 2.0, 2.0, 1.0, 1.0, 1.0], np.zeros(794)])


@pytest.mark.parametrize(
    ("eigenvalues", "top", "smallest"),
    [
        (np.ones(600), 5, 3),
        (np.zeros(600), 3, 2),
        (-np.ones(600), 3, 1),
        (np.repeat([1.0, -1.0], 300), 4, 4),
        (LOW_RANK, 4, 0),
        (LOW_RANK, 8, 0),
        (LOW_RANK, 4, 3),
        (np.arange(1.0, 601.0), 2, 3),
        (-np.arange(1.0, 601.0), 2, 3),
    ],
    ids=["one", "zero", "minus one", "two", "rank", "null space", "both ends", "> 0", "< 0"],
)
def test_spectra_of_few_values_or_of_one_sign(eigenvalues: Array, top: int, smallest: int) -> None:
    assert_found(eigenvalues, top, smallest)


def test_what_is_known_of_missed_copies() -> None:
    eigenvalues = repeated(5, 0)
    many = extreme_eigenpairs(reflected(eigenvalues), 800, 6).search
    one = extreme_eigenpairs(reflected(eigenvalues), 800, 1).search
    assert many is not None and many.found >= 1 and many.restarts == many.found + 1
    assert one is not None and one.restarts == one.products == 0
    assert extreme_eigenpairs(reflected(eigenvalues[:99]), 99, 6).search is None


def test_a_search_costs_less_than_the_eigenvalues() -> None:
    found = extreme_eigenpairs(reflected(like_a_hessian()), SIZE, 10)
    assert found.search is not None and found.search.restarts == 1
    assert found.search.products <= 25


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


@pytest.mark.parametrize(("size", "top", "smallest"), [(40, 3, 0), (700, 3, 0), (700, 2, 1)])
def test_every_product_is_counted(size: int, top: int, smallest: int) -> None:
    product, asked = reflected(like_a_hessian(size)), list[int]()

    def counted(v: Array) -> Array:
        asked.append(len(v))
        return product(v)

    assert extreme_eigenpairs(counted, size, top, smallest).products == sum(asked)


@pytest.mark.parametrize("top", [12, 13, 20])
def test_all_of_them_are_never_iterated(monkeypatch: pytest.MonkeyPatch, top: int) -> None:
    monkeypatch.setattr(lanczos, "SMALL", 0)
    eigenvalues = np.arange(12.0)
    found = extreme_eigenpairs(reflected(eigenvalues), 12, top)
    np.testing.assert_allclose(found.values, eigenvalues[::-1], atol=1e-12)


@pytest.mark.parametrize(
    ("size", "top", "expected"), [(600, 3, 20), (600, 15, 31), (800, 3, 10), (800, 7, 15)]
)
def test_the_basis_is_small_where_a_vector_is_large(
    monkeypatch: pytest.MonkeyPatch, size: int, top: int, expected: int
) -> None:
    asked, solve = list[int](), lanczos.eigsh

    def recorded(*arguments: object, ncv: int, **options: object) -> object:
        asked.append(ncv)
        return solve(*arguments, ncv=ncv, **options)

    monkeypatch.setattr(lanczos, "eigsh", recorded)
    monkeypatch.setattr(lanczos, "LARGE", 700)
    extreme_eigenpairs(reflected(np.arange(float(size))), size, top)
    assert asked[0] == expected
    assert all(basis <= expected for basis in asked[1:])


def test_what_does_not_converge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*arguments: object, **options: object) -> None:
        raise ArpackNoConvergence("no", np.zeros(2), np.zeros((SIZE, 2)))

    monkeypatch.setattr(lanczos, "eigsh", give_up)
    with refused(Impossible, match="2 of 5 converged in 0 products"):
        extreme_eigenpairs(reflected(like_a_hessian()), SIZE, 5)
