"""Grids for ParaView: read back by a reader of our own, and by VTK where it is installed."""

import base64
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from resdepth.figures.paraview import RELIEF, save_grid
from resdepth.figures.surface_values import saturate


def read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Attributes of the grid and its arrays by name, as VTK's format page describes them."""
    root = ElementTree.parse(path).getroot()
    assert root.attrib["header_type"] == "UInt64" and root.attrib["byte_order"] == "LittleEndian"
    grid = root[0]
    found = {}
    for array in grid.iter("DataArray"):
        content = base64.b64decode(array.text.strip())
        assert int.from_bytes(content[:8], "little") == len(content) - 8
        values = np.frombuffer(content[8:], "<f8")
        components = int(array.attrib["NumberOfComponents"])
        found[array.attrib["Name"]] = values.reshape(-1, components).squeeze(
            1 if components == 1 else ()
        )
    return dict(grid.attrib) | {"kind": grid.tag}, found


def read_by_vtk(path: Path) -> tuple[tuple[int, ...], np.ndarray, dict[str, np.ndarray]]:
    """Dimensions, points and arrays by VTK's own reader."""
    xml = pytest.importorskip("vtkmodules.vtkIOXML", reason="vtk is not installed")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    kinds = {".vts": xml.vtkXMLStructuredGridReader, ".vti": xml.vtkXMLImageDataReader}
    reader = kinds[path.suffix]()
    reader.SetFileName(str(path))
    reader.Update()
    assert reader.GetErrorCode() == 0
    grid = reader.GetOutput()
    points = np.array([grid.GetPoint(number) for number in range(grid.GetNumberOfPoints())])
    data = grid.GetPointData()
    names = [data.GetArrayName(number) for number in range(data.GetNumberOfArrays())]
    arrays = {name: vtk_to_numpy(data.GetArray(name)) for name in names}
    extent = grid.GetExtent()
    sides = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in range(3))
    return sides, points, arrays


@pytest.fixture
def sheet(descent):
    """Seven by five points, with a cell that is not finite."""
    losses = descent.losses[::3, ::5].copy()
    losses[2, 1] = np.nan
    axes = (descent.axes[0][::3], descent.axes[1][::5])
    return replace(
        descent,
        losses=losses,
        pairs=losses[None],
        axes=axes,
        accuracies=descent.accuracies[:, ::3, ::5],
    )


def points_of(surface) -> np.ndarray:
    """The places of the points, the first axis running fastest."""
    a, b = surface.axes
    return np.array([(x, y) for y in b for x in a])


@pytest.mark.parametrize("log", [False, True])
def test_a_surface_lies_where_it_should(sheet, tmp_path: Path, log: bool) -> None:
    shown = saturate(sheet, None, log)
    save_grid(shown, tmp_path / "x.vts")
    attributes, found = read(tmp_path / "x.vts")
    assert attributes == {"kind": "StructuredGrid", "WholeExtent": "0 6 0 4 0 0"}
    np.testing.assert_array_equal(found["loss"], sheet.losses.T.ravel())
    np.testing.assert_array_equal(found["accuracy"], sheet.accuracies[0].T.ravel())
    np.testing.assert_allclose(found["points"][:, :2], points_of(sheet), atol=1e-15)
    heights = np.log10(shown.values) if log else shown.values
    back = found["points"][:, 2] / found["height_scale"] + found["height_origin"]
    np.testing.assert_allclose(back, heights.T.ravel(), rtol=1e-12, atol=1e-12)
    extents = np.ptp(found["points"], axis=0)
    assert extents[2] == pytest.approx(RELIEF * max(extents[:2]))


@pytest.mark.parametrize("stretch", [1.0, 1000.0, 0.001])
def test_no_sheet_is_a_needle(sheet, tmp_path: Path, stretch: float) -> None:
    long = replace(sheet, axes=(sheet.axes[0] * stretch, sheet.axes[1]))
    save_grid(saturate(long, None, False), tmp_path / "x.vts")
    _, found = read(tmp_path / "x.vts")
    extents = np.sort(np.ptp(found["points"], axis=0))
    assert extents[-1] <= 4.0001 * extents[0]
    np.testing.assert_allclose(
        found["points"][:, :2] / found["axis_scale"], points_of(long), rtol=1e-12, atol=1e-12
    )


def test_a_grid_has_its_spacing(sheet, tmp_path: Path) -> None:
    save_grid(saturate(sheet, None, False), tmp_path / "x.vti")
    attributes, found = read(tmp_path / "x.vti")
    origin = [float(word) for word in attributes["Origin"].split()]
    spacing = [float(word) for word in attributes["Spacing"].split()]
    assert origin == [-1.0, -1.0, 0.0]
    assert spacing == [pytest.approx(0.3), pytest.approx(0.5), 1.0]
    np.testing.assert_array_equal(found["loss"], sheet.losses.T.ravel())


def test_a_flat_one_has_no_height(sheet, tmp_path: Path) -> None:
    flat = replace(sheet, losses=np.ones((7, 5)), pairs=np.ones((1, 7, 5)))
    save_grid(saturate(flat, None, False), tmp_path / "x.vts")
    assert not read(tmp_path / "x.vts")[1]["points"][:, 2].any()


def test_losses_below_zero_have_no_logarithm(sheet, tmp_path: Path) -> None:
    low = replace(sheet, losses=sheet.losses - 9, pairs=sheet.pairs - 9)
    save_grid(saturate(low, None, False), tmp_path / "x.vti")
    assert "log10_loss" not in read(tmp_path / "x.vti")[1]


@pytest.mark.parametrize("suffix", [".vts", ".vti"])
def test_vtk_reads_the_same(sheet, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    save_grid(saturate(sheet, None, True), path)
    dimensions, points, arrays = read_by_vtk(path)
    assert dimensions == (7, 5, 1)
    _, expected = read(path)
    np.testing.assert_allclose(points[:, :2], points_of(sheet), atol=1e-12)
    if suffix == ".vts":
        np.testing.assert_allclose(points, expected["points"], atol=1e-6)
    assert set(arrays) == {"loss", "log10_loss", "accuracy"}
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, expected[name])
