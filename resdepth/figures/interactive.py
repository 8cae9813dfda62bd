"""A loss surface that a reader can turn: one .html file that needs no network."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from resdepth.atomic import write_text
from resdepth.errors import Impossible
from resdepth.figures.page import metadata
from resdepth.figures.surface_values import COLOURS, PATH, Shown, along, saturate
from resdepth.runs.provenance import Provenance


def save_html(shown: Shown, path: Path, provenance: Provenance | None = None) -> None:
    """Write the surface with plotly.js inside the file; hovering shows the true numbers.

    A switch changes between linear and logarithmic heights. A trajectory lies on the surface, with
    circles at its checkpoints' own losses. The surface is the mean over the pairs of directions.
    """
    surface = shown.surface
    scales = [shown]
    with suppress(Impossible):  # A scale that cannot be drawn is left out.
        scales.append(saturate(surface, shown.clip, not shown.log, shown.quantity))
    scales.sort(key=lambda scale: scale.log)
    traces = [(scale, trace) for scale in scales for trace in _traces(scale)]
    drawn = go.Figure([trace for _, trace in traces])
    for trace, (scale, _) in zip(drawn.data, traces, strict=True):
        trace.visible = scale is shown
    names = ["row", "column", _height(shown)]
    if surface.record:
        names[:2] = map("{} ({})".format, "ab", along(surface, "D<sub>{}</sub>"))
    scene: dict[str, Any] = {f"{a}axis": {"title": t} for a, t in zip("xyz", names, strict=True)}
    buttons = []
    for scale in scales:
        update: list[Any] = [{"visible": [own is scale for own, _ in traces]}]
        update.append({"scene.zaxis.title.text": _height(scale)})
        label = "logarithmic" if scale.log else "linear"
        buttons.append({"label": label, "method": "update", "args": update})
    place = {"x": 0.0, "y": 1.0, "xanchor": "left", "yanchor": "top"}
    switch = {"type": "buttons", "buttons": buttons, "active": int(shown.log), **place}
    drawn.update_layout(
        title={"text": shown.conditions, "font": {"size": 12}},
        scene=scene | {"aspectmode": "manual", "aspectratio": {"x": 1, "y": 1, "z": 0.7}},
        font={"family": "serif"},
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        showlegend=False,
        updatemenus=[switch] if len(scales) > 1 else [],
    )
    page = drawn.to_html(include_plotlyjs=True, include_mathjax=False, div_id="surface")
    head = f'<head><link rel="icon" href="data:,">{metadata(provenance)}'
    write_text(path, page.replace("<head>", head, 1))


def _height(shown: Shown) -> str:
    return f"log<sub>10</sub> {shown.quantity}" if shown.log else shown.quantity


def _traces(shown: Shown) -> list[Any]:
    surface = shown.surface
    first, second = ("a", "b") if surface.record else ("row", "column")
    accuracies = surface.accuracies
    numbers = [surface.losses, *([] if accuracies is None else [accuracies.mean(axis=0)])]
    accuracy = "<br>accuracy = %{customdata[1]:.4g}" if len(numbers) > 1 else ""
    # Plotly's z[i][j] lies at y[i], x[j].
    whole = go.Surface(
        x=surface.axes[0],
        y=surface.axes[1],
        z=shown.heights(shown.values).T,
        customdata=np.stack([values.T for values in numbers], axis=-1),
        colorscale=COLOURS,
        colorbar={"title": _height(shown), "thickness": 14},
        contours={"z": {"show": True, "usecolormap": True, "project": {"z": True}}},
        hovertemplate=f"{first} = %{{x:.4g}}<br>{second} = %{{y:.4g}}<br>"
        f"loss = %{{customdata[0]:.6g}}{accuracy}<extra></extra>",
    )
    marks = _trajectory(shown)
    if shown.centre is not None:
        text = f"trained weights<br>{shown.quantity} = {shown.centre:.6g}<extra></extra>"
        place = {"x": [0.0], "y": [0.0], "z": shown.heights(shown.centre).tolist()}
        marks.insert(0, _points("trained weights", 4, color="black", hovertemplate=text, **place))
    return [whole, *marks]


def _trajectory(shown: Shown) -> list[Any]:
    """The checkpoints on the surface, and at their own losses."""
    if (path := shown.path) is None:
        return []
    x, y = path["coordinates"].T
    numbers = np.stack([path[name] for name in ("steps", "loss", "plane_loss", "distance")], axis=1)
    words = (
        "step %{customdata[0]:.0f}<br>loss = %{customdata[1]:.6g}<br>loss on the plane = "
        "%{customdata[2]:.6g}<br>distance from the plane = %{customdata[3]:.4g}<extra></extra>"
    )
    kept = {"x": x, "y": y, "customdata": numbers, "hovertemplate": words}
    plane, own = (shown.heights(path[name]) for name in ("plane_loss", "loss"))
    line = _points("checkpoints on the plane", 2.5, color=PATH, z=plane, **kept)
    line.update(mode="lines+markers", line={"color": PATH, "width": 5})
    circles = _points("their losses", 3, color="black", z=own, **kept)
    circles.marker.symbol = "circle-open"
    return [line, circles]


def _points(name: str, size: float, color: str, **data: Any) -> Any:
    marker = {"size": size, "color": color}
    return go.Scatter3d(name=name, mode="markers", marker=marker, **data)
