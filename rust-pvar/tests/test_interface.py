"""What the Python face accepts, returns and refuses."""

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pvar
import pytest
from paths import draw

REFUSED: list[tuple[Any, type[Exception], str]] = [
    ([], ValueError, "empty"),
    (np.zeros((0, 3)), ValueError, "empty"),
    ([[], []], ValueError, "2 rows without entries"),
    ([1.0, float("nan")], ValueError, "row 1, column 0 of the path is nan"),
    ([[1, 2], [3, float("inf")]], ValueError, "row 1, column 1 of the path is inf"),
    (
        np.array([[1, 2], [-np.inf, 0]], np.float32),
        ValueError,
        "row 1, column 0 of the path is -inf",
    ),
    ([[1, 2], [3]], ValueError, "row 1 has 1 entry, row 0 has 2 entries"),
    ([[1, 2], 3], ValueError, "row 1 has no entries"),
    (np.zeros((2, 2, 2)), ValueError, "3 dimensions"),
    ([[1, None]], ValueError, "row 0, column 1 of the path is None"),
    ([1j, 2], ValueError, "complex"),
    (np.array([1, "a"], dtype=object), ValueError, "row 1 of the path is 'a'"),
    ("abc", TypeError, "str"),
    (None, TypeError, "NoneType"),
    (5.0, TypeError, "float"),
    (np.array(["a", "b"]), TypeError, "not numbers"),
]


@pytest.mark.parametrize(("path", "kind", "words"), REFUSED)
def test_bad_paths_are_refused_in_one_line(path: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        pvar.p_variation(path, 2)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("p", [0.5, -1.0, 0.0, float("nan"), float("inf")])
@pytest.mark.parametrize("path", [[0.0, 1.0], [3.0], np.ones((4, 2))])
def test_bad_exponents_are_refused(path: Any, p: float) -> None:
    for call in (pvar.p_variation, pvar.p_variation_norm, pvar.p_var, pvar.prefix):
        with pytest.raises(ValueError, match="p must be a finite number >= 1"):
            call(path, p)


def test_other_refusals() -> None:
    with pytest.raises(ValueError, match="unknown metric"):
        pvar.p_variation([0, 1], 2, metric="hamming")
    with pytest.raises(TypeError):
        pvar.p_variation([0, 1], None)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="path 1: row 0, column 0 of the path is nan"):
        pvar.batch([[0, 1], [float("nan"), 1]], 2)
    with pytest.raises(ValueError, match="path 2: row 1, column 0"):
        pvar.batch(np.array([np.zeros((2, 1)), np.ones((2, 1)), [[0], [np.inf]]]), 2)
    with pytest.raises(ValueError, match="threads"):
        pvar.batch([[0, 1]], 2, threads=0)
    with pytest.raises(ValueError, match="needs at least 257"):
        pvar.critical_exponent(np.arange(50.0))
    with pytest.raises(ValueError, match="does not move"):
        pvar.critical_exponent(np.zeros(500))


@pytest.mark.parametrize("d", [1, 3, 30])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, ">f8", np.float16, np.int64, np.uint8])
def test_dtypes_and_strides(dtype: Any, d: int) -> None:
    path = np.abs(draw("brownian", 80, d, 1) * 3).astype(dtype)
    expected = pvar.p_variation(path.astype(np.float64), 2)
    wide = np.zeros((160, 2 * d), dtype)
    wide[::2, ::2] = path
    for view in (path, path.tolist(), np.asfortranarray(path), wide[::2, ::2], path[::-1][::-1]):
        assert pvar.p_variation(view, 2) == pytest.approx(expected, rel=1e-14)
    assert pvar.p_variation(path[:, 0], 3) == pvar.p_variation(path[:, :1], 3)


def test_tensors_of_another_library() -> None:
    torch = pytest.importorskip("torch")
    path = torch.randn(50, 9, dtype=torch.float64, requires_grad=True)
    assert pvar.p_variation(path, 2) == pvar.p_variation(path.detach().numpy(), 2)
    half = path.detach().to(torch.float32)
    assert pvar.p_variation(half, 2) == pvar.p_variation(half.numpy(), 2)


def test_only_dlpack() -> None:
    class Wrapped:
        def __init__(self, array: Any) -> None:
            self.array = array

        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    path = draw("iid", 30, 4, 1)
    assert pvar.p_variation(Wrapped(path), 2) == pvar.p_variation(path, 2)


@pytest.mark.parametrize(
    ("path", "p", "norm"),
    [
        ([0, 1e200, -1e200], 1000, 2e200),
        ([0, 1e-200, -1e-200], 2, 5**0.5 * 1e-200),
        ([[0, 0], [3e200, 4e200]], 2, 5e200),
        ([[0.0] * 20, [1e-170] * 20, [3e-170] * 20], 2, 3e-170 * 20**0.5),
        ([0, 1, 3, 2], 10000, 3.0),
        ([[1e300, 1e-5], [1e300, 2e-5], [1e300, 0]], 2, 5**0.5 * 1e-5),
        ([0, 5e-324, -5e-324], 1, 1.5e-323),
        ([[1e8, 0.0], [1e8 + 1, 0.0]], 2, 1.0),
    ],
)
def test_extreme_sizes(path: Any, p: float, norm: float) -> None:
    assert pvar.p_variation_norm(path, p) == pytest.approx(norm, rel=1e-12, abs=0)


def test_shapes_of_answers() -> None:
    paths = np.random.default_rng(0).standard_normal((5, 30, 9))
    assert pvar.batch(paths, 2).shape == (5,)
    assert pvar.batch(paths, [2, 3]).shape == (5, 2)
    assert pvar.batch([], 2).shape == (0,)
    assert pvar.batch([[1.0, 2.0], [[1, 2], [3, 4]]], 2).tolist() == [1.0, 8**0.5]
    assert pvar.profile(paths[0], []).shape == (0,)
    assert pvar.prefix(paths[0], 2).shape == (30,)
    path = pvar.Path(paths[0])
    assert (path.shape, len(path)) == ((30, 9), 30)
    assert isinstance(pvar.p_variation([0, 1], 2), float)


@pytest.mark.parametrize("threads", [1, 2, 5, 64])
def test_threads_change_no_bit(threads: int) -> None:
    paths = np.random.default_rng(1).standard_normal((7, 200, 16)).cumsum(axis=1)
    expected = pvar.batch(paths, [1.5, 2.0], threads=1)
    np.testing.assert_array_equal(pvar.batch(paths, [1.5, 2.0], threads=threads), expected)


def test_the_same_call_gives_the_same_bits_whatever_came_before() -> None:
    long, short = draw("brownian", 500, 20, 1), draw("smooth", 90, 11, 2)
    first = pvar.p_variation(short, 1.7, return_partition=True)
    pvar.profile(long, [1.5, 2, 3])
    again = pvar.p_variation(short, 1.7, return_partition=True)
    assert first[0] == again[0]
    assert first[1].tolist() == again[1].tolist()


def test_other_threads_run_meanwhile() -> None:
    path = np.random.default_rng(0).standard_normal((150_000, 20)).cumsum(axis=0)
    ticks, done = [0], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks[0] += 1
            time.sleep(0)

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        before = ticks[0]
        pvar.p_variation(path, 2)
        during = ticks[0] - before
    finally:
        done.set()
        ticker.join()
    # With the lock held the other thread gets a turn or two around the call, not during it.
    assert during > 50


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("call", ["p_variation(x, 2)", "batch([x, x], 2, threads=2)"])
@pytest.mark.parametrize("d", [5, 20])
def test_interrupt(call: str, d: int) -> None:
    code = (
        # A shell's background jobs, and this test among them, may ignore the signal.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import numpy as np, pvar; rng = np.random.default_rng(0);"
        f"x = rng.standard_normal((300000, {d})).cumsum(axis=0);"
        f"print('ready', flush=True); pvar.{call}"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in error


@pytest.mark.parametrize(("hurst", "seed"), [(0.3, 0), (0.5, 1), (0.7, 2)])
def test_critical_exponent_of_fractional_brownian_paths(hurst: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    estimates = [pvar.critical_exponent(_fractional(2**14, hurst, rng)) for _ in range(40)]
    exponents = np.array([estimate.exponent for estimate in estimates])
    errors = np.array([estimate.standard_error for estimate in estimates])
    assert exponents.mean() == pytest.approx(1 / hurst, rel=0.1)
    assert (np.abs(exponents - 1 / hurst) <= 3 * errors).sum() >= 32


def _fractional(n: int, hurst: float, rng: np.random.Generator) -> Any:
    """A fractional Brownian path by circulant embedding (Davies and Harte)."""
    k = np.arange(n)
    covariance = 0.5 * (
        (k + 1.0) ** (2 * hurst) - 2 * k ** (2.0 * hurst) + np.abs(k - 1.0) ** (2 * hurst)
    )
    eigenvalues = np.fft.fft(np.concatenate([covariance, [0], covariance[:0:-1]])).real.clip(0)
    noise = rng.standard_normal(2 * n) + 1j * rng.standard_normal(2 * n)
    return np.fft.fft(np.sqrt(eigenvalues / (2 * n)) * noise).real[:n].cumsum()


@pytest.mark.parametrize("name", ["avx512", "avx2", "neon", "portable", "none", ""])
def test_the_environment_selects_the_instruction_set(name: str) -> None:
    code = "import pvar; print(pvar._pvar.instruction_set(), pvar.p_variation([0.0, 1.0, 0.0], 2))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PVAR_INSTRUCTION_SET": name},
        capture_output=True,
        text=True,
        check=False,
    )
    if name == "none" or done.returncode:
        reason = f"ImportError: PVAR_INSTRUCTION_SET={name}: this processor has portable"
        assert reason in done.stderr
        assert name not in ("portable", "")
    else:
        assert done.stdout.startswith(name)
