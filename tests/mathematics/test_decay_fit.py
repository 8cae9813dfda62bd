"""The filters against plain loops, the fit against scipy's own and against what made the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.stats import t as student

from resdepth.mathematics.decay_fit import (
    NO_DECAY,
    DecayFit,
    filter_curve,
    fit_decay,
    window_filter,
)


def decay(seed: int, shift: float, points: int = 2000, noise: float = 0.02):
    """A noisy power law with spikes, and the C, T0, rho that made it."""
    random = np.random.default_rng(seed)
    c, rho = random.uniform(0.1, 10.0), random.uniform(0.5, 2.0)
    t = np.arange(1.0, points + 1)
    y = c / (t + shift) ** rho * (1 + noise * random.standard_normal(points))
    for window in range(4, points // 27, 4):
        y[27 * window + random.integers(27)] *= random.choice([3.0, 1 / 3])
    return y, (c, shift, rho)


def within(fit: DecayFit, true: tuple[float, float, float], deviations: float) -> bool:
    errors = [abs(e.value - x) for e, x in zip((fit.C, fit.T0, fit.rho), true, strict=True)]
    allowed = [deviations * e.standard_error for e in (fit.C, fit.T0, fit.rho)]
    return all(error <= most for error, most in zip(errors, allowed, strict=True))


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), max_size=40),
    st.integers(min_value=3, max_value=9),
)
def test_window_filter_is_the_plain_loop(values: list[float], window: int) -> None:
    removed = set()
    for start in range(0, len(values) - window + 1, window):
        part = values[start : start + window]
        removed.add(start + part.index(min(part)))
        removed.add(start + max(i for i, value in enumerate(part) if value == max(part)))
    kept = window_filter(np.array(values), window)
    assert set(np.flatnonzero(~kept)) == removed
    assert len(removed) == 2 * (len(values) // window)


def test_filters_act_in_order_and_keep_the_times() -> None:
    y = np.array([5.0, 1.0, 4.0, 2.0, 9.0, 3.0, 7.0])
    # Windows (5 1 4) and (2 9 3) lose 1, 5 and 2, 9; of 4, 3, 7 the second goes.
    t, kept = filter_curve(0.5 * np.arange(1.0, 8.0), y, window=3, period=2)
    assert kept.tolist() == [4.0, 7.0]
    assert t.tolist() == [1.5, 3.5]


@pytest.mark.parametrize(
    ("count", "period", "left"),
    [(6, 0, [0, 1, 2, 3, 4, 5]), (6, 2, [0, 2, 4]), (5, 3, [0, 1, 3, 4])],
)
def test_period_filter_removes_every_mth(count: int, period: int, left: list[int]) -> None:
    numbers = np.arange(float(count))
    assert filter_curve(numbers, numbers, period=period)[0].tolist() == left


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("scaling", [1.0, 0.01, 250.0])
def test_fit_agrees_with_curve_fit(seed: int, scaling: float) -> None:
    shift = float(np.random.default_rng(seed).uniform(3, 80))
    y, true = decay(seed, shift, points=500)
    t = scaling * np.arange(1.0, 501)
    fit = fit_decay(t, y)
    start = (true[0] * scaling ** true[2], shift * scaling, true[2])
    values, covariance = curve_fit(
        lambda t, c, t0, rho: np.log(c) - rho * np.log(t + t0),
        t,
        np.log(y),
        start,
        jac=lambda t, c, t0, rho: np.stack(
            [np.full_like(t, 1 / c), -rho / (t + t0), -np.log(t + t0)], 1
        ),
        x_scale=start,
        ftol=1e-15,
        xtol=1e-15,
        gtol=1e-15,
        method="trf",
    )
    found = (fit.C, fit.T0, fit.rho)
    np.testing.assert_allclose([e.value for e in found], values, rtol=1e-6)
    errors = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose([e.standard_error for e in found], errors, rtol=1e-5)
    half = student.ppf(0.975, 497) * errors
    np.testing.assert_allclose([e.interval[1] - e.value for e in found], half, rtol=1e-5)
    residuals = np.log(y) - np.log(values[0]) + values[2] * np.log(t + values[1])
    assert fit.residual_deviation == pytest.approx(np.sqrt(residuals @ residuals / 497))
    assert fit.r_squared == pytest.approx(1 - residuals.var() / np.log(y).var())


@pytest.mark.parametrize("shift", [-0.5, 0.0, 3.0, 80.0, 2000.0])
@pytest.mark.parametrize("rho", [-0.4, 0.1, 1.0, 4.0])
def test_exact_data_come_back(shift: float, rho: float) -> None:
    t = np.arange(1.0, 301)
    fit = fit_decay(t, 2.5 / (t + shift) ** rho)
    found = [fit.C.value, fit.T0.value, fit.rho.value]
    np.testing.assert_allclose(found, [2.5, shift, rho], rtol=1e-6, atol=1e-7)
    assert fit.identified
    np.testing.assert_allclose(fit.curve(t), 2.5 / (t + shift) ** rho, rtol=1e-10)


@pytest.mark.parametrize("inferred", [True, False])
def test_parameters_are_recovered_from_spiked_data(inferred: bool) -> None:
    recovered = 0
    for seed in range(20):
        shift = float(np.random.default_rng(1000 + seed).uniform(3, 80)) if inferred else 1.0
        y, true = decay(seed, shift)
        fit = fit_decay(*filter_curve(np.arange(1.0, len(y) + 1), y, 27), None if inferred else 1.0)
        recovered += within(fit, true, 3.0) and fit.identified
    assert recovered >= 18


def test_positive_points_alone_are_used() -> None:
    t = np.arange(1.0, 101)
    y = 1 / (t + 2)
    y[[3, 50]] = [0.0, -1.0]
    y[70] = np.nan
    fit = fit_decay(t, y, 2.0)
    assert (fit.points, fit.dropped) == (97, 3)
    assert fit.rho.value == pytest.approx(1.0)


TIMES = np.arange(1.0, 201)
FLAT = {
    "ones": np.ones(200),
    "a rate": np.full(200, 3.0),
    "a tiny rate": np.full(200, 1e-30),
    "a huge one": np.full(200, 1e30),
    "rounded": 0.1 * (1 + 2.0**-52 * (np.arange(200) % 2)),
    "one last bit": np.where(np.arange(200) < 100, 0.1, np.nextafter(0.1, 1)),
    "three points": np.full(3, 0.7),
    "four points": np.full(4, 0.7),
}


@pytest.mark.parametrize("shift", [1.0, 0.0, 50.0, None])
@pytest.mark.parametrize("name", FLAT)
def test_a_constant_has_no_decay_and_no_interval_beside_0(name: str, shift: float | None) -> None:
    y = FLAT[name]
    fit = fit_decay(TIMES[: len(y)], y, shift)
    assert fit.reason == NO_DECAY and not fit.identified
    assert abs(fit.rho.value) < 1e-12 and not fit.r_squared < 0
    assert not (fit.rho.interval[0] > 0 or fit.rho.interval[1] < 0)
    assert fit.C.value == pytest.approx(y[0], rel=1e-12)


@pytest.mark.parametrize("true", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("rho", [0.5, 1.0])
def test_intervals_of_exact_data_cover_what_made_them(true: float, rho: float) -> None:
    # With residuals of the last bits alone, standard errors from them would be smaller than what
    # rounding does to the estimates: T0 = 1e-15 with an interval that excludes 0.
    fit = fit_decay(TIMES, 2.0 / (TIMES + true) ** rho)
    assert fit.identified
    for estimate, value in ((fit.C, 2.0), (fit.T0, true), (fit.rho, rho)):
        assert estimate.interval[0] <= value <= estimate.interval[1]
        assert abs(estimate.value - value) < 1e-8


def nearly_exponential(seed: int, shift: float, rho: float, size: float = 0.02):
    """40 points that fall over a time that is short against T0: rho and T0 make up."""
    t = np.arange(1.0, 41)
    noise = np.exp(size * np.random.default_rng(seed).standard_normal(40))
    return t, (1 + t / shift) ** -rho * noise


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("shift", "rho"), [(100.0, 1.0), (400.0, 3.0), (1000.0, 6.0)])
def test_a_plain_fall_is_never_called_no_decay(seed: int, shift: float, rho: float) -> None:
    fit = fit_decay(*nearly_exponential(seed, shift, rho))
    assert fit.r_squared > 0.85
    assert not fit.reason.startswith("no decay")
    # What is claimed to be identified is told apart from 0.
    assert not (fit.identified and fit.rho.interval[0] <= 0 <= fit.rho.interval[1])


@pytest.mark.parametrize(("shift", "rho", "size"), [(400.0, 3.0, 0.02), (100.0, 1.0, 0.1)])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_not_identified_says_which_of_the_two(
    seed: int, shift: float, rho: float, size: float
) -> None:
    fit = fit_decay(*nearly_exponential(seed, shift, rho, size))
    halves = [e.interval[1] - e.value for e in (fit.T0, fit.rho)]
    reasons = {
        "the uncertainty of T0 exceeds the length of the record": halves[0] > 40,
        "rho and T0 compensate each other: a decay without an exponent": halves[0] <= 40
        and halves[1] >= abs(fit.rho.value),
        "": halves[0] <= 40 and halves[1] < abs(fit.rho.value),
    }
    assert reasons.get(fit.reason, True)


@pytest.mark.parametrize("shift", [1.0, None])
def test_noise_is_rarely_taken_for_a_decay(shift: float | None) -> None:
    t = np.arange(1.0, 101)
    noise = [np.exp(0.1 * np.random.default_rng(i).standard_normal(100)) for i in range(60)]
    found = sum(fit_decay(t, y, shift).reason != NO_DECAY for y in noise)
    # At the level of 5 %: binomial(60, 0.05), 3.5 standard deviations above the mean.
    assert found <= 9


@pytest.mark.parametrize("first", [-3.0, 0.0, 1.0, 1000.0])
def test_times_may_begin_anywhere(first: float) -> None:
    t = first + np.arange(300.0)
    fit = fit_decay(t, 2.5 / (t - first + 7) ** 0.8)
    found = [fit.C.value, fit.T0.value, fit.rho.value]
    np.testing.assert_allclose(found, [2.5, 7 - first, 0.8], rtol=1e-6)
    assert fit.identified


@pytest.mark.parametrize("shift", [1e12, 1e30, 1e300])
def test_times_that_a_shift_drowns_are_no_fit(shift: float) -> None:
    fit = fit_decay(TIMES, 1 / TIMES, shift)
    assert fit.reason == "covariance singular"


NOISE = np.exp(0.1 * np.random.default_rng(0).standard_normal(200))


@pytest.mark.parametrize(
    ("y", "shift", "reason"),
    [
        (np.array([3.0, 2.0, 1.0]), None, "too few points"),
        (np.array([3.0, 2.0]), None, "too few points"),
        (np.array([3.0, 2.0]), 1.0, "too few points"),
        (np.array([]), 1.0, "too few points"),
        (np.exp(-0.2 * np.arange(1.0, 201)), None, "T0 at its bound"),
        (np.ones(200), None, NO_DECAY),
        (NOISE, None, NO_DECAY),
    ],
)
def test_a_fit_without_an_answer_says_so(y, shift: float | None, reason: str) -> None:
    fit = fit_decay(np.arange(1.0, len(y) + 1), y, shift)
    assert not fit.identified
    assert fit.reason == reason


def test_a_fixed_shift_has_no_uncertainty() -> None:
    t = np.arange(1.0, 101)
    fit = fit_decay(t, NOISE[:100] / t, 1.0)
    assert (fit.T0.value, fit.T0.standard_error, fit.T0.interval) == (1.0, 0.0, (1.0, 1.0))
    assert fit.identified


@pytest.mark.long
@pytest.mark.timeout(900)  # Early releases of jaxtyping check a dataclass anew at each call.
def test_intervals_cover_at_their_level() -> None:
    t = np.arange(1.0, 401)
    covered = 0
    for seed in range(200):
        noise = np.exp(0.05 * np.random.default_rng(seed).standard_normal(400))
        low, high = fit_decay(t, 3 / (t + 20) ** 1.2 * noise).rho.interval
        covered += low <= 1.2 <= high
    # Binomial(200, 0.95): 4.5 standard deviations below the mean.
    assert covered >= 176
