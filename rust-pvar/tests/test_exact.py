"""Values against exhaustive search, exact arithmetic and the plain recursion."""

import numpy as np
import pvar
import pytest
from paths import KINDS, draw
from reference import along, exhaustive, precise, recursion

EXPONENTS = [1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 10.0]


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev"])
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize(("n", "d"), [(1, 2), (2, 1), (3, 9), (7, 1), (9, 2), (10, 8), (11, 1)])
@pytest.mark.parametrize("kind", ["brownian", "lattice", "plateaus"])
def test_no_partition_is_better(kind: str, n: int, d: int, p: float, metric: str) -> None:
    path = draw(kind, n, d, seed=n + d)
    value = pvar.p_variation(path, p, metric=metric)
    assert value == pytest.approx(exhaustive(path, p, metric), rel=1e-13, abs=0)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 10.0])
@pytest.mark.parametrize(("n", "d"), [(40, 1), (33, 2), (40, 8), (30, 17)])
@pytest.mark.parametrize("kind", KINDS)
def test_sixty_digits(kind: str, n: int, d: int, p: float) -> None:
    path = draw(kind, n, d, seed=3)
    exact = precise(path, p)
    assert float(abs(pvar.p_variation_norm(path, p) - exact) / exact) < 1e-14


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize(("n", "d"), [(300, 1), (200, 3), (257, 8), (400, 20), (320, 225)])
@pytest.mark.parametrize("kind", KINDS)
def test_plain_recursion(kind: str, n: int, d: int, p: float) -> None:
    path = draw(kind, n, d, seed=7)
    expected = recursion(path, p)
    np.testing.assert_allclose(pvar.p_variation(path, p), expected[-1], rtol=1e-12)
    np.testing.assert_allclose(pvar.prefix(path, p), expected, rtol=1e-12)


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev"])
@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_other_metrics(kind: str, p: float, metric: str) -> None:
    path = draw(kind, 150, 5, seed=11)
    expected = recursion(path, p, metric)[-1]
    assert pvar.p_variation(path, p, metric=metric) == pytest.approx(expected, rel=1e-12, abs=0)
    assert pvar.p_var(path, p, metric) == pvar.p_variation(path, p, metric=metric)


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("d", [1, 3, 30])
@pytest.mark.parametrize("kind", KINDS)
def test_partition_attains_the_value(kind: str, d: int, p: float) -> None:
    path = draw(kind, 150, d, seed=5)
    value, partition = pvar.p_variation(path, p, return_partition=True)
    assert partition.dtype == np.intp
    assert partition[0] == 0
    assert partition[-1] == len(path) - 1
    assert (np.diff(partition) > 0).all()
    assert along(path, partition.tolist(), p) == pytest.approx(value, rel=1e-12, abs=0)


@pytest.mark.parametrize("n", [63, 64, 65, 127, 129, 1300])
@pytest.mark.parametrize("kind", ["brownian", "smooth", "iid"])
def test_long_paths(kind: str, n: int) -> None:
    path = draw(kind, n, 40, seed=n)
    expected = [recursion(path, p)[-1] ** (1 / p) for p in (1.7, 2.0, 3.0)]
    np.testing.assert_allclose(pvar.profile(path, [1.7, 2, 3]), expected, rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 12])
def test_closed_forms(d: int) -> None:
    direction = np.ones(d) / np.sqrt(d)
    line = np.outer(np.arange(101.0), direction)
    zigzag = np.outer(np.arange(101) % 2, direction)
    assert pvar.p_variation_norm(line, 1) == pytest.approx(100, rel=1e-14)
    assert pvar.p_variation_norm(line, 2.5) == pytest.approx(100, rel=1e-14)
    assert pvar.p_variation(zigzag, 3) == pytest.approx(100, rel=1e-14)
    assert pvar.p_variation(np.full((50, d), 7.5), 2) == 0.0
    assert pvar.p_variation(np.full((1, d), 7.5), 2) == 0.0
    assert pvar.p_variation_norm(np.array([np.zeros(d), 3 * direction]), 7) == pytest.approx(3)


def test_ties_take_the_latest_source_and_repeated_points_appear_once() -> None:
    # Every partition of a straight line has the same 1-variation.
    line = np.outer(np.arange(5.0), [3.0, 4.0])
    assert pvar.p_variation(line, 1, return_partition=True)[1].tolist() == [0, 1, 2, 3, 4]
    repeated = np.array([[0.0, 0], [0, 0], [1, 0], [1, 0], [0, 0], [0, 0]])
    assert pvar.p_variation(repeated, 2, return_partition=True)[1].tolist() == [0, 2, 5]
    assert pvar.p_variation(np.ones((4, 2)), 2, return_partition=True)[1].tolist() == [0, 3]
    assert pvar.p_variation([7.0], 2, return_partition=True)[1].tolist() == [0]
