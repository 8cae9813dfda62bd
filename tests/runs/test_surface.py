"""Surfaces read from disk, ours and others'."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resdepth.errors import Corrupt, Impossible, Missing, System, Usage
from resdepth.runs.run import Run
from resdepth.runs.surface import (
    Partial,
    files_of,
    partial_path,
    read_partial,
    read_surface,
    write_partial,
    write_surface,
)
from tests.support.messages import refused


def save(path: Path, array, **settings: bool) -> Path:
    np.save(path, array, **settings)
    return path


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", ">f8"])
def test_a_bare_array_has_cell_numbers_for_axes(tmp_path: Path, dtype: str) -> None:
    surface = read_surface(save(tmp_path / "x.npy", np.arange(12).reshape(3, 4).astype(dtype)))
    assert surface.losses.dtype == np.float64
    assert [axis.tolist() for axis in surface.axes] == [[0, 1, 2], [0, 1, 2, 3]]
    assert (surface.centre_loss, surface.record) == (None, {})


def test_the_minimum_is_the_first_finite_one(tmp_path: Path) -> None:
    losses = np.array([[np.nan, 3.0, 2.0], [-np.inf, 2.0, np.inf]])
    assert read_surface(save(tmp_path / "x.npy", losses)).minimum() == (0, 2)


def test_a_json_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"axes": "none of yours"}')
    assert read_surface(save(tmp_path / "x.npy", np.eye(3))).record == {}


def test_axes_must_fit(tmp_path: Path) -> None:
    record = {"format": "resdepth-landscape-1", "axes": [[0, 1], [0, 1]]}
    (tmp_path / "x.json").write_text(json.dumps(record))
    with refused(Corrupt, match="axes do not fit"):
        read_surface(save(tmp_path / "x.npy", np.eye(3)))


SHAPES = {"line": (1, 5), "grid": (1, 3, 4), "two lines": (2, 5), "three grids": (3, 3, 4)}


@pytest.fixture(params=SHAPES)
def pairs(request) -> np.ndarray:
    return np.random.default_rng(0).random(SHAPES[request.param])


@pytest.mark.parametrize("accurate", [False, True])
def test_a_surface_comes_back(tmp_path: Path, pairs: np.ndarray, accurate: bool) -> None:
    axes = [np.linspace(-1, 1, count).tolist() for count in pairs.shape[1:]]
    record = {"axes": axes, "pairs": len(pairs), "centre_loss": 0.5}
    losses = pairs if len(pairs) > 1 else pairs[0]
    write_surface(tmp_path / "x.npy", losses, record, 1 - losses if accurate else None)
    assert (tmp_path / "x.json").read_text().endswith("}\n")
    assert len(files_of(tmp_path / "x.npy")) == 2 + accurate
    found = read_surface(tmp_path / "x.npy")
    np.testing.assert_array_equal(found.pairs, pairs)
    np.testing.assert_allclose(found.losses, pairs.mean(axis=0), rtol=1e-15)
    np.testing.assert_array_equal(found.raw, losses)
    assert found.several == (len(pairs) > 1) and found.centre_loss == 0.5
    assert [axis.tolist() for axis in found.axes] == axes
    if accurate:
        np.testing.assert_array_equal(found.accuracies, 1 - pairs)
    else:
        assert found.accuracies is None


def test_accuracies_of_an_earlier_surface_go(tmp_path: Path) -> None:
    write_surface(tmp_path / "x.npy", np.eye(3), {}, np.eye(3))
    write_surface(tmp_path / "x.npy", np.eye(3), {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.npy"]


@pytest.mark.parametrize("name", ["x.npy", "x.json", "x_accuracy.npy"])
def test_a_file_that_was_changed_is_named(tmp_path: Path, name: str) -> None:
    write_surface(tmp_path / "x.npy", np.eye(3), {"centre_loss": 0.5}, np.eye(3))
    if name == "x.json":
        said = (tmp_path / name).read_text()
        (tmp_path / name).write_text(said.replace("0.5", "0.25"))
    else:
        np.save(tmp_path / name, 2 * np.eye(3))
    with refused(Corrupt, match=rf"{name}.*checksum does not agree"):
        read_surface(tmp_path / "x.npy")


def _text(path: Path) -> None:
    path.write_text("hello")


def _truncated(path: Path) -> None:
    save(path, np.ones((50, 50)))
    path.write_bytes(path.read_bytes()[:3000])


def _header_alone(path: Path) -> None:
    save(path, np.ones((50, 50)))
    path.write_bytes(path.read_bytes()[:60])


def _oversized(path: Path) -> None:
    content = bytearray(save(path, np.ones((50, 50))).read_bytes())
    at = content.index(b"(50, 50)")
    content[at : at + 23] = b"(99999999, 99999999), }".ljust(23)
    path.write_bytes(content)


def _mangled(path: Path) -> None:
    save(path, np.ones((50, 50)))
    path.write_bytes(path.read_bytes().replace(b"(50, 50), }", b"(50, 50,   "))


HOSTILE = {
    "text": (_text, "text that begins with 'hello', not an .npy file"),
    "truncated": (_truncated, "a numpy array .* that cannot be read"),
    "header alone": (_header_alone, "a numpy array .* that cannot be read"),
    "empty": (lambda path: path.write_bytes(b""), "an empty file, not an .npy file"),
    "mangled": (_mangled, "a numpy array .* that cannot be read"),
    "oversized": (_oversized, "a numpy array .* that cannot be read"),
    "objects": (lambda path: save(path, np.array([{}, 1], dtype=object)), "Python objects"),
    "complex": (lambda path: save(path, np.ones((3, 3), dtype=complex)), "complex128"),
    "words": (lambda path: save(path, np.array(["a", "b"])), "not real numbers"),
    "folder": (lambda path: path.mkdir(), "cannot be read"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    write, message = HOSTILE[case]
    write(tmp_path / "x.npy")
    with refused((Corrupt, System), match=message):
        read_surface(tmp_path / "x.npy")


@pytest.mark.parametrize("shape", [(), (1,), (1, 5), (3, 3, 3), (0, 4)])
def test_what_is_no_grid_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with refused(Impossible, match="not a line or a grid"):
        read_surface(save(tmp_path / "x.npy", np.ones(shape)))


def test_a_surface_without_a_finite_loss_is_refused(tmp_path: Path) -> None:
    with refused(Impossible, match="no loss is finite"):
        read_surface(save(tmp_path / "x.npy", np.full((3, 3), np.nan)))
    with pytest.raises(Missing):
        read_surface(tmp_path / "nowhere.npy")


def unfinished(request: dict[str, Any], cells: int) -> Partial:
    """A surface of which no cell is finished."""
    return Partial(request, np.full((cells, 2), np.nan), np.zeros(cells, dtype=bool))


def test_an_unfinished_surface_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "x.npy"
    partial = unfinished({"steps": 3, "span": 0.1}, 10)
    # A loss may be anything, NaN and 0 included: the mask alone says what is finished.
    partial.values[:3, 0] = [0.0, np.nan, -1.0]
    partial.done[:3] = True
    write_partial(out, partial)
    found = read_partial(out)
    assert found is not None and found.request == partial.request
    np.testing.assert_array_equal(found.values, partial.values)
    np.testing.assert_array_equal(found.done, partial.done)
    assert read_partial(tmp_path / "y.npy") is None


@pytest.mark.parametrize("keep", [0, 100, 500])
def test_a_broken_unfinished_surface_is_named(tmp_path: Path, keep: int) -> None:
    out = tmp_path / "x.npy"
    write_partial(out, unfinished({}, 100))
    path = partial_path(out)
    path.write_bytes(path.read_bytes()[:keep])
    with refused(Corrupt, match="not an unfinished surface"):
        read_partial(out)


def test_another_request_does_not_continue() -> None:
    partial = unfinished({"steps": 3, "checkpoint": "a"}, 10)
    partial.check_same(Path("x.npy"), {"steps": 3, "checkpoint": "./a"}, 10)
    with refused(Usage, match=r"another steps \(3, not 4\)"):
        partial.check_same(Path("x.npy"), {"steps": 4, "checkpoint": "a"}, 17)


def test_the_request_of_an_earlier_version_continues() -> None:
    old = Path(__file__).with_name("old") / "train"
    recorded = json.loads((old / "manifest.json").read_text())["options"]
    assert recorded.keys() & {"no_p_var", "separation"}
    training = Run(old).options.recorded()
    partial = unfinished({"steps": 3, "training": recorded | {"gone": 3}}, 10)
    partial.check_same(Path("x.npy"), {"steps": 3, "training": training}, 10)
    never = Partial({"training": recorded | {"no_p_var": True}}, partial.values, partial.done)
    never.check_same(Path("x.npy"), {"training": training | {"p_var_every": 0}}, 10)
    with refused(Usage, match="started with another training"):
        partial.check_same(Path("x.npy"), {"steps": 3, "training": training | {"depth": 5}}, 10)
