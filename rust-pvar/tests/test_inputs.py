"""What is converted exactly, and what is refused because it cannot be."""

import decimal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pvar
import pytest
from paths import draw
from pvar._arrays import as_path

WHOLE = 2**53
POINTS = draw("brownian", 9, 3, 1)


def same(path: Any, expected: Any) -> None:
    """The path is read as these numbers, to the bit, by every way in."""
    expected = np.asarray(expected)
    np.testing.assert_array_equal(as_path(path), expected)
    assert pvar.p_variation(path, 2) == pvar.p_variation(expected, 2)
    assert pvar.Path(path).p_variation(2) == pvar.p_variation(expected, 2)
    assert pvar.batch([path], 2)[0] == pvar.p_variation_norm(expected, 2)


LISTS: dict[str, Callable[[], Any]] = {
    "arrays": lambda: list(POINTS),
    "a tuple of arrays": lambda: tuple(POINTS),
    "a generator of arrays": lambda: (row for row in POINTS),
    "arrays of another precision": lambda: [*POINTS[:-1].astype(np.float32), POINTS[-1]],
    "arrays and lists": lambda: [POINTS[0], *POINTS[1:].tolist()],
    "numpy numbers": lambda: [[np.float64(x) for x in row] for row in POINTS],
    "objects": lambda: POINTS.astype(object),
    "a buffer": lambda: memoryview(POINTS),
    "a mask that hides nothing": lambda: POINTS.view(np.ma.MaskedArray),
    "a subclass": lambda: POINTS.view(np.recarray),
    "rows with masks that hide nothing": lambda: [np.ma.array(row, mask=False) for row in POINTS],
    "long doubles": lambda: POINTS.astype(np.longdouble),
    "the other byte order": lambda: POINTS.astype(">f8"),
}


@pytest.mark.parametrize("kind", LISTS)
def test_every_spelling_of_a_path_is_the_same_path(kind: str) -> None:
    expected = POINTS
    if kind == "arrays of another precision":
        expected = np.vstack([POINTS[:-1].astype(np.float32), POINTS[-1]])
    if kind == "a generator of arrays":
        np.testing.assert_array_equal(as_path(LISTS[kind]()), expected)
    else:
        same(LISTS[kind](), expected)


NUMBERS: list[tuple[Any, list[float]]] = [
    ([WHOLE, 0], [WHOLE, 0]),
    ([2**64, 1], [2.0**64, 1]),
    ([2**70, 0.5], [2.0**70, 0.5]),
    ([True, False], [1, 0]),
    (np.array([2**60, -(2**63)]), [2.0**60, -(2.0**63)]),
    (np.array([2**63, 0], np.uint64), [2.0**63, 0]),
    (range(3), [0, 1, 2]),
    ([np.int8(3), np.float16(0.5)], [3, 0.5]),
    (np.array([1, 2.5, True], dtype=object), [1, 2.5, 1]),
    (np.array([[1, 2**70]], dtype=object), [[1, 2.0**70]]),
]


@pytest.mark.parametrize(("path", "expected"), NUMBERS)
def test_numbers_that_a_double_holds(path: Any, expected: list[float]) -> None:
    same(path, expected)


INEXACT = [
    (np.array([0, WHOLE + 1]), "row 1 of the path is 9007199254740993"),
    (np.array([[0, -WHOLE - 1]]), "row 0, column 1 of the path is -9007199254740993"),
    (np.array([2**64 - 1], np.uint64), "row 0 of the path is 18446744073709551615"),
    ([WHOLE + 1, 0.5], "row 0 of the path is 9007199254740993"),
    ([[0.5], [WHOLE + 1]], "row 1, column 0 of the path is 9007199254740993"),
    ([np.array([0.5]), np.array([WHOLE + 1])], "row 1, column 0"),
    ([0.5, np.int64(WHOLE + 1)], "row 1 of the path is 9007199254740993"),
    ([10**400], "row 0 of the path is a value of type int"),
    (np.array([1, 10**400], dtype=object), "row 1 of the path is a value of type int"),
]
if np.finfo(np.longdouble).nmant > 52:
    INEXACT += [
        (np.array([1, 1], np.longdouble) / 3, "row 0 of the path is 0.333"),
        ([np.longdouble(1) / 3], "row 0 of the path is 0.333"),
    ]


@pytest.mark.parametrize(("path", "words"), INEXACT)
def test_numbers_that_no_double_holds_are_refused(path: Any, words: str) -> None:
    with pytest.raises(ValueError, match="which no double holds") as caught:
        pvar.p_variation(path, 2)
    assert words in str(caught.value)


def _masked(numbers: Any, mask: Any) -> Any:
    return np.ma.array(numbers, mask=mask)


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (_masked([0.0, 1, 1e20, 2], [0, 0, 1, 0]), ValueError, "row 2 of the path is masked"),
    (_masked(np.ones((2, 2)), [[0, 0], [0, 1]]), ValueError, "row 1, column 1 of the path is mask"),
    (_masked(np.ones(3, np.float32), [1, 0, 0]), ValueError, "row 0 of the path is masked"),
    (_masked([1, 2], [0, 1]), ValueError, "row 1 of the path is masked"),
    ([0.0, np.ma.masked, 1.0], ValueError, "row 1 of the path is masked"),
    ([np.ones(2), _masked([1.0, 2], [0, 1])], ValueError, "row 1, column 1 of the path is masked"),
    (np.array(3.0), TypeError, "ndarray"),
    (np.float64(3.0), TypeError, "float64"),
    (np.ma.masked, ValueError, "masked"),
    (frozenset({1}), TypeError, "frozenset"),
    (bytearray(b"12"), TypeError, "bytearray"),
    (object(), TypeError, "object"),
    (["a", "b"], ValueError, "row 0 of the path is 'a'"),
    ([["a"], ["b"]], ValueError, "row 0, column 0 of the path is 'a'"),
    ([1.5, None], ValueError, "row 1 of the path is None"),
    ([decimal.Decimal(1)], ValueError, "row 0 of the path is Decimal('1'), no integer or float"),
    ([POINTS[0], POINTS[1, :2]], ValueError, "row 1 has 2 entries, row 0 has 3"),
    ([POINTS, POINTS], ValueError, "3 dimensions"),
    ([POINTS[:2], POINTS[:2, :2]], ValueError, "row 1 has shape (2, 2), row 0 has (2, 3)"),
    (np.zeros(3, [("x", float), ("y", float)]), TypeError, "fields (x, y)"),
    (np.zeros(3, "V2"), TypeError, "not numbers"),
    (np.array(["2020-01-01"], "M8[D]"), TypeError, "datetime64[D]"),
    (POINTS + 1j, ValueError, "complex"),
    ([POINTS[0] + 1j], ValueError, "complex"),
    (np.array([1j], dtype=object), ValueError, "complex"),
    (np.array([np.ones(2), None], dtype=object), ValueError, "row 0 of the path is array("),
]


@pytest.mark.parametrize(("path", "kind", "words"), REFUSED)
def test_what_is_hidden_or_no_number_is_refused(
    path: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        pvar.p_variation(path, 2)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_masked_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="path 1, row 0, column 2 of the path is masked"):
        pvar.batch(_masked(np.ones((2, 2, 3)), np.arange(12).reshape(2, 2, 3) == 8), 2)
    with pytest.raises(ValueError, match="path 1: row 0 of the path is masked"):
        pvar.batch([[1.0, 2.0], _masked([1.0, 2.0], [1, 0])], 2)


TENSORS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "parameters": lambda torch, x: ([torch.nn.Parameter(row) for row in x], x),
    "a list of parameters": lambda torch, x: (torch.nn.ParameterList(list(x)), x),
    "a tuple of tensors": lambda torch, x: (tuple(x), x),
    "a transposed gradient leaf": lambda torch, x: (x.T.clone().requires_grad_().T, x),
    "tensors and arrays": lambda torch, x: ([x[0].numpy(), *x[1:]], x),
    "losses": lambda torch, x: ([y.requires_grad_() for y in x[:, 0].clone()], x[:, 0]),
    "lists of tensors without dimensions": lambda torch, x: ([list(row) for row in x], x),
    "bfloat16": lambda torch, x: (x.bfloat16(), x.bfloat16().double()),
    "float16": lambda torch, x: (x.half(), x.half().double()),
    "a list of bfloat16": lambda torch, x: (list(x.bfloat16()), x.bfloat16().double()),
    "eight bits": lambda torch, x: (
        x.to(torch.float8_e4m3fn),
        x.to(torch.float8_e4m3fn).double(),
    ),
    "a negative bit": lambda torch, x: (torch.imag(torch.complex(x, -x).conj()), x),
    "a list with negative bits": lambda torch, x: (list(torch.complex(x, -x).conj().imag), x),
    "integers": lambda torch, x: ((100 * x).long(), (100 * x).long().double()),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_tensors_are_read_exactly(kind: str) -> None:
    torch = pytest.importorskip("torch")
    tensor, expected = TENSORS[kind](torch, torch.from_numpy(POINTS))
    assert kind != "a negative bit" or tensor.is_neg()
    same(tensor, expected.detach().numpy())


REFUSED_TENSORS: dict[str, Callable[[Any], Any]] = {
    "got Tensor": lambda torch: torch.tensor(3.0),
    "complex": lambda torch: torch.ones(3, dtype=torch.complex64).conj(),
    "meta": lambda torch: torch.ones(3, device="meta"),
    "Sparse": lambda torch: torch.eye(3).to_sparse(),
    "which no double holds": lambda torch: torch.tensor([WHOLE + 1]),
    "row 1, column 0 of the path is nan": lambda torch: [torch.zeros(1), torch.tensor([np.nan])],
}


@pytest.mark.parametrize("words", REFUSED_TENSORS)
def test_tensors_without_numbers_are_refused(words: str) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises((TypeError, ValueError)) as caught:
        pvar.p_variation(REFUSED_TENSORS[words](torch), 2)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


class Elsewhere:
    """A tensor that lies on a device."""

    class device:  # noqa: N801
        type = "accelerator"

    def detach(self) -> "Elsewhere":
        return self

    def numpy(self) -> Any:
        raise TypeError("not on the host")

    def cpu(self) -> Any:
        return pytest.importorskip("torch").from_numpy(POINTS)


class OnDevice:
    """An array of a library whose arrays never lie on the host."""

    @property
    def __cuda_array_interface__(self) -> Any:
        return {"version": 3}

    def get(self) -> Any:
        return POINTS


@pytest.mark.parametrize("path", [Elsewhere(), OnDevice()])
def test_numbers_on_other_devices_are_fetched(path: Any) -> None:
    assert pvar.p_variation(path, 2) == pvar.p_variation(POINTS, 2)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_tensors_on_a_real_device(device: str) -> None:
    torch = pytest.importorskip("torch")
    if not getattr(torch, "accelerator", torch.cuda).is_available():
        pytest.skip("no accelerator")
    try:
        tensor = torch.from_numpy(POINTS).float().to(device)
    except RuntimeError:
        pytest.skip(f"no {device}")
    same(tensor, POINTS.astype(np.float32))


def test_frames_are_read_column_by_column() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2**62], "b": [0.5, 1.0]})
    same(frame, [[1, 0.5], [2.0**62, 1]])
    same(frame["b"], [0.5, 1.0])
    frame.loc[1, "a"] = WHOLE + 1
    with pytest.raises(ValueError, match="column 0: row 1 of the path is 9007199254740993"):
        pvar.p_variation(frame, 2)


def test_small_floats_of_another_package() -> None:
    types = pytest.importorskip("ml_dtypes")
    same(POINTS.astype(types.bfloat16), POINTS.astype(types.bfloat16).astype(np.float64))


def test_torch_is_not_imported() -> None:
    code = (
        "import sys, pvar; pvar.p_variation([[0, 1], [2, 3]], 2); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
