"""Paths given by their distances, and distances of points that are read block by block."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pvar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import KINDS, draw
from reference import distances as distances_from
from reference import exhaustive_from_distances, recursion_from_distances

Array = npt.NDArray[np.float64]

EXPONENTS = [1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 10.0, 100.0]
common = settings(max_examples=100, deadline=None)


def matrix_of(path: Any, metric: str = "euclidean") -> Array:
    """Distances of all pairs of points, by direct differences."""
    points = np.asarray(path, dtype=np.float64)
    return np.stack([distances_from(points, point, metric) for point in points])


@st.composite
def matrices(draw_from: st.DrawFn, largest: int = 60) -> Array:
    """Any symmetric numbers: some far from a metric, some with zeros, ties and repeated points."""
    n = draw_from(st.integers(1, largest))
    rng = np.random.default_rng(draw_from(st.integers(0, 10**6)))
    entries = rng.random((n, n)) * 10.0 ** draw_from(st.integers(-3, 3))
    if draw_from(st.booleans()):
        entries = rng.integers(0, 3, (n, n)).astype(np.float64)
    matrix = np.triu(entries, 1)
    matrix += matrix.T
    if draw_from(st.booleans()):
        kept = np.sort(rng.integers(0, n, n))
        matrix = matrix[np.ix_(kept, kept)]
    return matrix


@common
@given(matrices(largest=11), st.sampled_from(EXPONENTS))
def test_no_partition_is_better(matrix: Array, p: float) -> None:
    value = pvar.p_variation_from_distances(matrix, p)
    assert value == pytest.approx(exhaustive_from_distances(matrix, p), rel=1e-12, abs=0)


@common
@given(matrices(), st.sampled_from(EXPONENTS))
def test_plain_recursion(matrix: Array, p: float) -> None:
    expected = recursion_from_distances(matrix, p)
    value, partition = pvar.p_variation_from_distances(matrix, p, return_partition=True)
    np.testing.assert_allclose(value, expected[-1], rtol=1e-12)
    np.testing.assert_allclose(pvar.prefix_from_distances(matrix, p), expected, rtol=1e-12)
    assert (partition[0], partition[-1]) == (0, len(matrix) - 1)
    assert (np.diff(partition) > 0).all()
    edges = matrix[partition[1:], partition[:-1]] ** p
    np.testing.assert_allclose(edges.sum(), value, rtol=1e-12)


@common
@given(matrices(), st.lists(st.sampled_from(EXPONENTS), max_size=4))
def test_norm_and_profile_agree(matrix: Array, ps: list[float]) -> None:
    norms = [pvar.p_variation_norm_from_distances(matrix, p) for p in ps]
    np.testing.assert_array_equal(pvar.profile_from_distances(matrix, ps), norms)
    values = [pvar.p_variation_from_distances(matrix, p) for p in ps]
    np.testing.assert_allclose(np.power(norms, ps), values, rtol=1e-11)


@common
@given(matrices(), st.sampled_from(EXPONENTS), st.integers(-900, 900))
def test_scaling_by_a_power_of_two_is_exact(matrix: Array, p: float, exponent: int) -> None:
    norm = pvar.p_variation_norm_from_distances(np.ldexp(matrix, exponent), p)
    expected = np.ldexp(pvar.p_variation_norm_from_distances(matrix, p), exponent)
    assert norm == pytest.approx(expected, rel=1e-13, abs=0)


@common
@given(matrices(), st.sampled_from(EXPONENTS))
def test_reversal(matrix: Array, p: float) -> None:
    value = pvar.p_variation_from_distances(matrix, p)
    turned = pvar.p_variation_from_distances(matrix[::-1, ::-1], p)
    assert turned == pytest.approx(value, rel=1e-12, abs=0)


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_distances_of_a_path_stand_for_it(kind: str, metric: str, p: float) -> None:
    path = draw(kind, 90, 9, seed=2)
    norm = pvar.p_variation_norm_from_distances(matrix_of(path, metric), p)
    expected = pvar.p_variation_norm(path, p, metric=metric)
    assert norm == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("kind", ["brownian", "iid", "smooth", "plateaus"])
@pytest.mark.parametrize("p", [1.25, 2.0, 3.0])
def test_partitions_are_those_of_the_path(kind: str, p: float) -> None:
    path = draw(kind, 200, 9, seed=4)
    partition = pvar.p_variation(path, p, return_partition=True)[1]
    found = pvar.p_variation_from_distances(matrix_of(path), p, return_partition=True)[1]
    assert found.tolist() == partition.tolist()


@pytest.mark.parametrize(("n", "partition"), [(1, [0]), (2, [0, 1]), (5, [0, 4])])
def test_points_at_one_place(n: int, partition: list[int]) -> None:
    value, found = pvar.p_variation_from_distances(np.zeros((n, n)), 2.5, return_partition=True)
    assert (value, found.tolist()) == (0.0, partition)


def test_a_space_that_is_no_vector_space() -> None:
    # Arcs of a circle of length 12: a walk of 3 hours each, once and a half around.
    hours = 3 * np.arange(7)
    apart = np.abs(hours[:, None] - hours) % 12
    arcs = np.minimum(apart, 12 - apart).astype(np.float64)
    assert pvar.p_variation_from_distances(arcs, 1) == 18
    assert pvar.p_variation_from_distances(arcs, 2) == 36 * 3
    assert pvar.p_variation_from_distances(arcs, 2, return_partition=True)[1].tolist() == [
        0, 2, 4, 6,
    ]  # fmt: skip


def test_the_triangle_inequality_is_not_assumed() -> None:
    far = np.array([[0.0, 1, 100], [1, 0, 1], [100, 1, 0]])
    assert pvar.p_variation_from_distances(far, 1) == 100
    assert pvar.p_variation_from_distances(far, 1, return_partition=True)[1].tolist() == [0, 2]


@pytest.mark.parametrize(
    ("matrix", "norm"),
    [
        ([[0.0]], 0.0),
        (np.zeros((4, 4)), 0.0),
        ([[0, 5e-324], [5e-324, 0]], 5e-324),
        ([[0, 1e308], [1e308, 0]], 1e308),
    ],
)
@pytest.mark.parametrize("p", [1.0, 2.0, 7.3, 64.0, 1000.0])
def test_ends_of_the_range(matrix: Any, norm: float, p: float) -> None:
    assert pvar.p_variation_norm_from_distances(matrix, p) == pytest.approx(norm, rel=1e-12, abs=0)


def _changed(row: int, column: int, value: float, both: bool = True) -> Array:
    matrix = matrix_of(draw("iid", 5, 2, 1))
    matrix[row, column] = value
    if both:
        matrix[column, row] = value
    return matrix


CALLS: list[Callable[[Any], Any]] = [
    lambda matrix: pvar.p_variation_from_distances(matrix, 2),
    lambda matrix: pvar.p_variation_norm_from_distances(matrix, 2, return_partition=True),
    lambda matrix: pvar.profile_from_distances(matrix, [2, 3]),
    lambda matrix: pvar.prefix_from_distances(matrix, 2),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (_changed(3, 3, 0.5), "row 3, column 3 of the matrix is 0.5; a point has distance 0"),
        (_changed(1, 3, -2.0), "row 1, column 3 of the matrix is -2; a distance is not negative"),
        (_changed(3, 1, 9.0, both=False), "row 3, column 1 is 9; make it symmetric"),
        (_changed(2, 4, np.nan), "row 2, column 4 of the matrix is nan; every entry"),
        (_changed(4, 2, np.inf, both=False), "row 4, column 2 of the matrix is inf"),
        (np.zeros((3, 4)), "square, got shape (3, 4)"),
        (np.zeros(9), "square, got shape (9,)"),
        (np.zeros((2, 2, 2)), "square, got shape (2, 2, 2)"),
        (np.zeros((0, 0)), "empty"),
        (np.ma.array(np.zeros((2, 2)), mask=[[0, 1], [1, 0]]), "row 0, column 1 of the path is"),
        (np.zeros((2, 2), complex), "complex"),
        ([[0, 2**53 + 1], [2**53 + 1, 0]], "which no double holds"),
    ],
)
def test_what_is_no_matrix_of_distances_is_refused(
    call: Callable[[Any], Any], matrix: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        call(matrix)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("p", [0.5, float("nan"), float("inf")])
def test_bad_exponents_are_refused(p: float) -> None:
    for call in (pvar.p_variation_from_distances, pvar.prefix_from_distances):
        with pytest.raises(ValueError, match="p must be a finite number >= 1"):
            call(np.zeros((2, 2)), p)


def test_other_spellings_of_a_matrix() -> None:
    matrix = np.rint(10 * matrix_of(draw("iid", 6, 2, 1)))
    expected = pvar.p_variation_from_distances(matrix, 2)
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(matrix).bfloat16()
    for same in (matrix.tolist(), matrix.astype(int), matrix.T, matrix.astype(np.float32), tensor):
        assert pvar.p_variation_from_distances(same, 2) == expected


@common
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10**6))
def test_inner_products_of_whole_numbers_give_exact_distances(n: int, d: int, seed: int) -> None:
    path = np.random.default_rng(seed).integers(-1000, 1000, (n, d)).astype(np.float64)
    np.testing.assert_allclose(pvar.distances_from_gram(path @ path.T), matrix_of(path), rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["brownian", "smooth", "iid", "plateaus"])
def test_inner_products_up_to_their_own_rounding(kind: str, dtype: Any) -> None:
    path = draw(kind, 60, 300, seed=3).astype(dtype)
    gram = path @ path.T
    gram = (gram + gram.T) / 2
    squares = pvar.distances_from_gram(gram) ** 2
    rounding = 1e3 * np.finfo(dtype).eps * gram.max()
    np.testing.assert_allclose(squares, matrix_of(path) ** 2, atol=rounding)


@pytest.mark.parametrize(
    ("gram", "words"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], "row 0, column 1 of the matrix is 2; no points have these"),
        ([[-1.0]], "row 0, column 0 of the matrix is -1; no points have these"),
        ([[1.0, 0.0], [0.5, 1.0]], "make it symmetric"),
        ([[1.0, np.nan], [0.0, 1.0]], "row 0, column 1 of the matrix is nan"),
        ([[1.0, 0.0], [np.nan, 1.0]], "row 1, column 0 of the matrix is nan"),
        (np.ones((2, 3)), "square, got shape (2, 3)"),
    ],
)
def test_what_is_no_gram_matrix_is_refused(gram: Any, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        pvar.distances_from_gram(gram)
    assert words in str(caught.value)


class Slices:
    """Points that can only be sliced, and that count how often."""

    def __init__(self, points: Any) -> None:
        self.points, self.shape, self.asked = points, points.shape, list[Any]()

    def __getitem__(self, index: Any) -> Any:
        self.asked.append(index)
        return self.points[index]


class SavedTensor(Slices):
    """What a reader of checkpoints hands out for a tensor."""

    def __init__(self, points: Any) -> None:
        super().__init__(points)
        del self.shape

    def get_shape(self) -> list[int]:
        return list(self.points.shape)


WIDE = draw("brownian", 7, 24, 5)
SOURCES: dict[str, Callable[[], Any]] = {
    "array": lambda: WIDE,
    "list": lambda: WIDE.tolist(),
    "columns first": lambda: np.asfortranarray(WIDE),
    "three dimensions": lambda: WIDE.reshape(7, 6, 4),
    "slices": lambda: Slices(WIDE.reshape(7, 12, 2)),
    "layers": lambda: [Slices(layer) for layer in WIDE],
    "layers of matrices": lambda: [layer.reshape(3, 8) for layer in WIDE],
    "saved tensors": lambda: [SavedTensor(layer.reshape(3, 8)) for layer in WIDE],
    "a tuple": lambda: tuple(WIDE),
    "two precisions": lambda: [*WIDE[:3], *np.float32(WIDE[3:])],
}


@pytest.mark.parametrize("memory", [0, 500, 2**26])
@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_gives_the_distances(kind: str, memory: int) -> None:
    expected = WIDE
    if kind == "two precisions":
        expected = np.vstack([WIDE[:3], np.float32(WIDE[3:])])
    found = pvar.pairwise_distances(SOURCES[kind](), memory=memory)
    np.testing.assert_allclose(found, matrix_of(expected), rtol=1e-14)
    np.testing.assert_array_equal(found, found.T)


def test_a_function_is_asked_for_every_coordinate_once() -> None:
    asked = []

    def block(start: int, stop: int) -> Any:
        asked.append((start, stop))
        return WIDE[:, start:stop]

    found = pvar.pairwise_distances(block, shape=WIDE.shape, memory=7 * 8 * 10)
    np.testing.assert_allclose(found, matrix_of(WIDE), rtol=1e-14)
    assert asked == [(0, 10), (10, 20), (20, 24)]


def test_a_path_in_r_and_single_points() -> None:
    assert pvar.pairwise_distances([0.0, 3.0]).tolist() == [[0, 3], [3, 0]]
    assert pvar.pairwise_distances(np.ones((1, 5))).tolist() == [[0]]
    assert pvar.pairwise_distances([WIDE[0]]).tolist() == [[0]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_blocks_are_as_good_as_the_whole(kind: str, dtype: Any) -> None:
    with np.errstate(over="ignore"):
        path = draw(kind, 40, 700, seed=8).astype(dtype)
    if not np.isfinite(path).all():
        pytest.skip("out of the range of this type")
    found = pvar.pairwise_distances(path, memory=40 * 8 * 300)
    np.testing.assert_allclose(found, matrix_of(path), rtol=1e-13)
    for p in (1.0, 1.5, 2.0, 3.0):
        norm = pvar.p_variation_norm_from_distances(found, p)
        assert norm == pytest.approx(pvar.p_variation_norm(path, p), rel=1e-13, abs=0)


def test_steps_that_are_nothing_beside_the_norm() -> None:
    # Steps of about 1e-6 at 1e6: inner products would not hold one digit of their squares.
    rng = np.random.default_rng(2)
    steps = rng.integers(-8, 9, (50, 5000)) * 2.0**-23
    path = 2.0**20 * rng.integers(1, 2, 5000) + steps.cumsum(axis=0)
    exact = matrix_of(steps.cumsum(axis=0))
    np.testing.assert_allclose(pvar.pairwise_distances(path, memory=10**5), exact, rtol=1e-14)
    value = pvar.p_variation_from_distances(pvar.pairwise_distances(path), 2)
    assert value == pytest.approx(pvar.p_variation(path, 2), rel=1e-13)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e-30, 1e150, 1e300])
def test_blocks_of_any_size(size: float) -> None:
    path = np.hstack([WIDE * size, np.ones((7, 3)) * size, WIDE * size * 1e-3])
    found = pvar.pairwise_distances(path, memory=7 * 8 * 9)
    expected = matrix_of(WIDE) * np.sqrt(1 + 1e-6)
    np.testing.assert_allclose(found / size, expected, rtol=1e-12)


def test_memory_maps_are_read_a_little_at_a_time(tmp_path: Path) -> None:
    path = draw("brownian", 12, 5000, 6).astype(np.float16)
    path.tofile(tmp_path / "path")
    mapped = np.memmap(tmp_path / "path", np.float16, "r", shape=path.shape)
    found = pvar.pairwise_distances(mapped, memory=12 * 8 * 64)
    np.testing.assert_allclose(found, matrix_of(path), rtol=1e-13)


def test_layers_of_tensors_are_read_exactly() -> None:
    torch = pytest.importorskip("torch")
    layers = [torch.from_numpy(x.reshape(4, 6)).bfloat16().requires_grad_() for x in WIDE]
    expected = torch.stack([x.detach().double().flatten() for x in layers]).numpy()
    found = pvar.pairwise_distances(layers, memory=7 * 8 * 6)
    np.testing.assert_allclose(found, matrix_of(expected), rtol=1e-14)
    stacked = pvar.pairwise_distances(torch.stack(layers))
    np.testing.assert_allclose(stacked, found, rtol=1e-14)


def _hidden() -> Any:
    return np.ma.array(WIDE, mask=WIDE[3, 20] == WIDE)


def _spoilt() -> Array:
    path = WIDE.copy()
    path[3, 20] = np.nan
    return path


@pytest.mark.parametrize(
    ("points", "options", "kind", "words"),
    [
        (_spoilt(), {}, ValueError, "row 3, column 20 of the path is nan"),
        (list(_spoilt()), {}, ValueError, "row 3, column 20 of the path is nan"),
        (_hidden(), {}, ValueError, "coordinates 18 to 23: row 3, column 2 of the path is masked"),
        ([WIDE[0], WIDE[1, :5]], {}, ValueError, "point 1 has shape (5,), point 0 has (24,)"),
        ([WIDE[0], WIDE[1] * 1j], {}, ValueError, "point 1: the path is complex"),
        (WIDE.astype(str), {}, TypeError, "not numbers"),
        (lambda a, b: WIDE[:, a:b], {}, TypeError, "shape=(n, d)"),
        (lambda a, b: WIDE[:2, a:b], {"shape": (7, 24)}, ValueError, "have shape (2, 6), not"),
        (WIDE, {"shape": (7, 24)}, TypeError, "shape is for a function"),
        (np.zeros((0, 3)), {}, ValueError, "empty"),
        (np.zeros((3, 0)), {}, ValueError, "the 3 points have no coordinates"),
        ([], {}, ValueError, "empty"),
        (None, {}, TypeError, "NoneType"),
    ],
)
def test_bad_points_are_refused(
    points: Any, options: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        pvar.pairwise_distances(points, memory=7 * 8 * 6, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
