"""Loss surfaces for ParaView and other programs that read VTK's XML files.

A `.vts` is a structured grid of points (a, b, height), the surface itself; a `.vti` an image, the
flat grid with its numbers. Arrays lie inside in base 64, to the last bit. The formats: VTK's
documentation, "VTK XML Formats".
"""

import base64
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth.atomic import write_text
from resdepth.figures.landscape import Array, Shown
from resdepth.runs.provenance import Provenance
from resdepth.runs.surface import Surface

RELIEF = 0.7
"""Height of a surface over its longer side, so that it is neither a needle nor flat."""


def save_grid(
    surface: Surface, shown: Shown, log: bool, path: Path, provenance: Provenance | None = None
) -> None:
    """Write the surface (.vts), its height scaled to its sides, or the grid (.vti).

    The numbers at each point are the true ones, not the heights: `loss`, `log10_loss` where all are
    positive, `accuracy` where it is known. `height_scale` and `height_origin` say how a height came
    from a loss or its logarithm. A sheet is as long as it is wide at most four times over: longer
    ones are squeezed, which `axis_scale` says.
    """
    numbers = _numbers(surface)
    scale = _axis_scale(surface)
    if path.suffix.lower() == ".vti":
        content = _image(surface, numbers, scale)
    else:
        heights = np.log10(shown.values) if log else shown.values
        content = _structured(surface, heights, numbers, scale)
    if provenance is not None:
        # A comment of XML cannot hold two hyphens in a row, and JSON can spell one otherwise.
        told = provenance.brief().replace("--", "-\\u002d")
        content = content.replace("\n", f"\n<!-- provenance: {told} -->\n", 1)
    write_text(path, content)


def _numbers(surface: Surface) -> dict[str, Array]:
    """What is known at each point; of several pairs of directions the mean."""
    losses = surface.losses
    found = {"loss": losses}
    if np.all(losses[~np.isnan(losses)] > 0):
        found["log10_loss"] = np.log10(losses)
    if surface.accuracies is not None:
        found["accuracy"] = surface.accuracies.mean(axis=0)
    return found


def _axis_scale(surface: Surface) -> Array:
    extents = np.array([np.ptp(axis) for axis in surface.axes])
    scale = np.ones(2)
    longer, shorter = int(extents.argmax()), int(extents.argmin())
    if extents[longer] > 4 * extents[shorter]:
        scale[longer] = 4 * extents[shorter] / extents[longer]
    return scale


def _structured(surface: Surface, heights: Array, numbers: dict[str, Array], scale: Array) -> str:
    a, b = (axis * factor for axis, factor in zip(surface.axes, scale, strict=True))
    side = float(max(np.ptp(a), np.ptp(b)))
    span = float(np.ptp(heights))
    factor = RELIEF * side / span if span > 0 else 1.0
    first, second = np.meshgrid(a, b, indexing="ij")
    # In this order it is finite even if the factor is not, as for the smallest losses.
    raised = (heights - heights.min()) / (span or 1.0) * (RELIEF * side)
    # VTK counts points with the first index running fastest.
    points = np.stack([first.T.ravel(), second.T.ravel(), raised.T.ravel()], axis=1)
    extent = f"0 {len(a) - 1} 0 {len(b) - 1} 0 0"
    told = {
        "height_scale": np.array([factor]),
        "height_origin": np.array([float(heights.min())]),
        "axis_scale": scale,
    }
    body = [
        _fields(told),
        f'<Piece Extent="{extent}">',
        _data(numbers),
        "<Points>",
        _array("points", points, components=3),
        "</Points>",
        "</Piece>",
    ]
    return _file("StructuredGrid", f'WholeExtent="{extent}"', body)


def _image(surface: Surface, numbers: dict[str, Array], scale: Array) -> str:
    axes = [axis * factor for axis, factor in zip(surface.axes, scale, strict=True)]
    steps = [np.ptp(axis) / (len(axis) - 1) for axis in axes]
    extent = f"0 {len(axes[0]) - 1} 0 {len(axes[1]) - 1} 0 0"
    first, second = (float(axis[0]) for axis in axes)
    whole = (
        f'WholeExtent="{extent}" Origin="{first!r} {second!r} 0" '
        f'Spacing="{float(steps[0])!r} {float(steps[1])!r} 1"'
    )
    body = [
        _fields({"axis_scale": scale}),
        f'<Piece Extent="{extent}">',
        _data(numbers),
        "</Piece>",
    ]
    return _file("ImageData", whole, body)


def _file(kind: str, attributes: str, body: Iterable[str]) -> str:
    head = f'<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" header_type="UInt64">'
    lines = ['<?xml version="1.0"?>', head, f"<{kind} {attributes}>", *body, f"</{kind}>"]
    return "\n".join([*lines, "</VTKFile>", ""])


def _fields(numbers: dict[str, Array]) -> str:
    """Numbers of the whole file."""
    arrays = [_array(name, values, tuples=len(values)) for name, values in numbers.items()]
    return "\n".join(["<FieldData>", *arrays, "</FieldData>"])


def _data(numbers: dict[str, Array]) -> str:
    """Numbers of each point; the loss is what colours it."""
    arrays = [_array(name, values.T.ravel()) for name, values in numbers.items()]
    return "\n".join(['<PointData Scalars="loss">', *arrays, "</PointData>"])


def _array(
    name: str, values: NDArray[np.float64], components: int = 1, tuples: int | None = None
) -> str:
    counted = f' NumberOfTuples="{tuples}"' if tuples is not None else ""
    content = np.ascontiguousarray(values, dtype="<f8").tobytes()
    text = base64.b64encode(len(content).to_bytes(8, "little") + content).decode()
    return (
        f'<DataArray type="Float64" Name="{name}" NumberOfComponents="{components}"{counted} '
        f'format="binary">\n{text}\n</DataArray>'
    )
