"""Loss surfaces for ParaView and other programs that read VTK's XML files.

A `.vts` is a structured grid of points (a, b, height), the surface itself; a `.vti` is an image,
the flat grid with its numbers. Arrays are stored in base 64, to the last bit. Formats: VTK's
documentation, "VTK XML Formats".
"""

import base64
from pathlib import Path

import numpy as np

from resdepth.atomic import write_text
from resdepth.figures.surface_values import Shown
from resdepth.mathematics import Array
from resdepth.runs.provenance import Provenance
from resdepth.runs.surface import Surface

RELIEF = 0.7  # height of a surface over its longer side, so that it is neither a needle nor flat


def save_grid(shown: Shown, path: Path, provenance: Provenance | None = None) -> None:
    """Write the surface (.vts), its height scaled to its sides, or the grid (.vti).

    Each point has the true `loss`, `log10_loss` if all are positive, and `accuracy` if known. A
    height times `height_scale` plus `height_origin` is a loss or its logarithm. A side is at most
    four times as long as the other; `axis_scale` has the factors.
    """
    surface = shown.surface
    extents = np.array([np.ptp(axis) for axis in surface.axes])
    scale = np.minimum(1.0, 4 * extents[::-1] / extents)
    axes = [axis * factor for axis, factor in zip(surface.axes, scale, strict=True)]
    extent = f"0 {len(axes[0]) - 1} 0 {len(axes[1]) - 1} 0 0"
    kind, whole, fields, points = "StructuredGrid", "", {"axis_scale": scale}, ""
    if path.suffix.lower() == ".vti":
        x, y = (float(axis[0]) for axis in axes)
        right, up = (float(np.ptp(axis) / (len(axis) - 1)) for axis in axes)
        kind, whole = "ImageData", f' Origin="{x!r} {y!r} 0" Spacing="{right!r} {up!r} 1"'
    else:
        placed, heights_of = _points(axes, np.log10(shown.values) if shown.log else shown.values)
        fields = heights_of | fields
        points = f"<Points>\n{_array('points', placed, components=3)}\n</Points>\n"
    # A comment of XML cannot hold two hyphens in a row, and JSON can spell one otherwise.
    brief = "" if provenance is None else provenance.brief().replace("--", "-\\u002d")
    lines = [
        '<?xml version="1.0"?>' + (f"\n<!-- provenance: {brief} -->" if brief else ""),
        f'<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" header_type="UInt64">',
        f'<{kind} WholeExtent="{extent}"{whole}>\n<FieldData>',
        *(_array(name, values, tuples=len(values)) for name, values in fields.items()),
        f'</FieldData>\n<Piece Extent="{extent}">\n<PointData Scalars="loss">',
        *(_array(name, values.T.ravel()) for name, values in _numbers(surface).items()),
        f"</PointData>\n{points}</Piece>\n</{kind}>\n</VTKFile>\n",
    ]
    write_text(path, "\n".join(lines))


def _numbers(surface: Surface) -> dict[str, Array]:
    """What is known at each point; the mean over several pairs of directions."""
    losses = surface.losses
    found = {"loss": losses}
    if np.all(losses[~np.isnan(losses)] > 0):
        found["log10_loss"] = np.log10(losses)
    if surface.accuracies is not None:
        found["accuracy"] = surface.accuracies.mean(axis=0)
    return found


def _points(axes: list[Array], heights: Array) -> tuple[Array, dict[str, Array]]:
    """The points (n, 3) of a surface, and how their heights are scaled."""
    height, span = RELIEF * float(max(map(np.ptp, axes))), float(np.ptp(heights))
    # In this order it is finite even if the scale is not, as for the smallest losses.
    raised = (heights - heights.min()) / (span or 1.0) * height
    # VTK counts points with the first index running fastest.
    grid = (*np.meshgrid(*axes, indexing="ij"), raised)
    points = np.stack([values.T.ravel() for values in grid], axis=1)
    scaled = {"height_scale": height / span if span > 0 else 1.0, "height_origin": heights.min()}
    return points, {name: np.array([value]) for name, value in scaled.items()}


def _array(name: str, values: Array, components: int = 1, tuples: int | None = None) -> str:
    counted = f' NumberOfTuples="{tuples}"' if tuples is not None else ""
    content = np.ascontiguousarray(values, dtype="<f8").tobytes()
    text = base64.b64encode(len(content).to_bytes(8, "little") + content).decode()
    return (
        f'<DataArray type="Float64" Name="{name}" NumberOfComponents="{components}"{counted} '
        f'format="binary">\n{text}\n</DataArray>'
    )
