"""What every p-variation satisfies, on paths that hypothesis invents."""

import numpy as np
import numpy.typing as npt
import pvar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import KINDS, draw
from reference import recursion

Array = npt.NDArray[np.float64]

exponents = st.sampled_from([1.0, 1.1, 1.5, 1.9, 2.0, 2.5, 3.0, 4.0, 8.0])


@st.composite
def paths(draw_from: st.DrawFn, largest: int = 150) -> Array:
    kind = draw_from(st.sampled_from(sorted(KINDS)))
    n = draw_from(st.integers(2, largest))
    d = draw_from(st.sampled_from([1, 2, 3, 8, 9, 16, 30]))
    return draw(kind, n, d, seed=draw_from(st.integers(0, 10**6)))


common = settings(max_examples=100, deadline=None)


@common
@given(paths(), exponents)
def test_recursion(path: Array, p: float) -> None:
    np.testing.assert_allclose(pvar.p_variation(path, p), recursion(path, p)[-1], rtol=1e-12)


@common
@given(paths(), exponents, st.integers(-900, 900))
def test_scaling_by_a_power_of_two_is_exact(path: Array, p: float, exponent: int) -> None:
    scaled = np.ldexp(path, exponent)
    expected = np.ldexp(pvar.p_variation_norm(path, p), exponent)
    assert pvar.p_variation_norm(scaled, p) == pytest.approx(expected, rel=1e-13, abs=0)


@common
@given(paths(), exponents, st.integers(-5, 5))
def test_translation(path: Array, p: float, shift: int) -> None:
    norm = pvar.p_variation_norm(path, p)
    rounding = 1e-14 * len(path) * (1 + np.abs(path).max())
    moved = pvar.p_variation_norm(path + shift, p)
    assert moved == pytest.approx(norm, rel=1e-12, abs=rounding)


@common
@given(paths(), exponents, st.integers(0, 1000))
def test_orthogonal_maps_change_nothing(path: Array, p: float, seed: int) -> None:
    path = path - path[0]
    d = path.shape[1]
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]
    rounding = 1e-14 * len(path) * np.abs(path).max() * d
    turned = pvar.p_variation_norm(path @ rotation, p)
    assert turned == pytest.approx(pvar.p_variation_norm(path, p), rel=1e-11, abs=rounding)


@common
@given(paths())
def test_norms_fall_with_p_down_to_the_largest_increment(path: Array) -> None:
    norms = pvar.profile(path, [1, 1.2, 1.5, 2, 3, 5, 10, 50])
    assert (np.diff(norms) <= 1e-13 * norms[:-1]).all()
    diameter = max(np.linalg.norm(path - x, axis=1).max() for x in path)
    assert norms[-1] >= diameter * (1 - 1e-13)


@common
@given(paths(), exponents, st.floats(0, 1))
def test_superadditive_over_concatenation(path: Array, p: float, where: float) -> None:
    cut = int(where * (len(path) - 1))
    parts = pvar.p_variation(path[: cut + 1], p) + pvar.p_variation(path[cut:], p)
    assert pvar.p_variation(path, p) >= parts * (1 - 1e-13)


@common
@given(paths(), exponents)
def test_reversal_and_prefix(path: Array, p: float) -> None:
    value = pvar.p_variation(path, p)
    assert pvar.p_variation(path[::-1], p) == pytest.approx(value, rel=1e-12, abs=0)
    prefix = pvar.prefix(path, p)
    assert prefix[0] == 0.0
    assert (np.diff(prefix) >= 0).all()
    assert prefix[-1] == pytest.approx(value, rel=1e-12, abs=0)


@common
@given(paths(), st.lists(exponents, max_size=5))
def test_profile_batch_and_handle_agree_with_single_calls(path: Array, ps: list[float]) -> None:
    single = [pvar.p_variation_norm(path, p) for p in ps]
    np.testing.assert_array_equal(pvar.profile(path, ps), single)
    np.testing.assert_array_equal(pvar.Path(path).profile(ps), single)
    np.testing.assert_array_equal(pvar.batch([path, path], ps, threads=2), [single, single])
