"""A loss surface that a reader can turn: one .html file that needs no network."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from resdepth.atomic import write_text
from resdepth.errors import Impossible
from resdepth.figures.landscape import (
    COLOURS,
    PATH,
    Array,
    Quantity,
    Shown,
    along,
    conditions,
    saturate,
)
from resdepth.figures.page import metadata
from resdepth.runs.provenance import Provenance
from resdepth.runs.surface import Surface

SUBSCRIPT = "D<sub>{}</sub>"


def save_html(
    surface: Surface,
    clip: float | None,
    log: bool,
    path: Path,
    quantity: Quantity = "loss",
    provenance: Provenance | None = None,
) -> None:
    """Write the surface with plotly.js inside the file; hovering shows the true numbers.

    A switch changes between linear and logarithmic heights, where both can be drawn. A trajectory
    lies on the surface, and its checkpoints at their own losses beside it. Of several pairs of
    directions the mean is shown.
    """
    scales = {}
    for scale in (False, True):
        # One that cannot be drawn is left out; the one that is asked for says why.
        with suppress(*(() if scale == log else (Impossible,))):
            scales[scale] = saturate(surface, clip, scale, quantity)
    traces = {scale: _traces(surface, shown, scale) for scale, shown in scales.items()}
    drawn = go.Figure([trace for parts in traces.values() for trace in parts])
    owners = [scale for scale, parts in traces.items() for _ in parts]
    for trace, owner in zip(drawn.data, owners, strict=True):
        trace.visible = owner == log
    first, second = _axes(surface)
    titles = {scale: _height(quantity, scale) for scale in scales}
    drawn.update_layout(
        title={"text": conditions(surface, scales[log]), "font": {"size": 12}},
        scene={
            "xaxis": {"title": first},
            "yaxis": {"title": second},
            "zaxis": {"title": titles[log]},
            "aspectmode": "manual",
            "aspectratio": {"x": 1, "y": 1, "z": 0.7},
        },
        font={"family": "serif"},
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        showlegend=False,
        updatemenus=[_switch(titles, owners, log)] if len(scales) > 1 else [],
    )
    page = drawn.to_html(include_plotlyjs=True, include_mathjax=False, div_id="surface")
    head = f'<head><link rel="icon" href="data:,">{metadata(provenance)}'
    write_text(path, page.replace("<head>", head, 1))


def _switch(titles: dict[bool, str], owners: list[bool], log: bool) -> dict[str, Any]:
    """Two buttons, one for each scale."""
    order = [False, True]
    buttons = [
        {
            "label": "logarithmic" if scale else "linear",
            "method": "update",
            "args": [
                {"visible": [owner == scale for owner in owners]},
                {"scene.zaxis.title.text": titles[scale]},
            ],
        }
        for scale in order
    ]
    place = {"x": 0.0, "y": 1.0, "xanchor": "left", "yanchor": "top"}
    return {"type": "buttons", "buttons": buttons, "active": order.index(log), **place}


def _height(quantity: Quantity, log: bool) -> str:
    return f"log<sub>10</sub> {quantity}" if log else quantity


def _axes(surface: Surface) -> tuple[str, str]:
    if not surface.record:
        return "row", "column"
    first, second = along(surface, SUBSCRIPT)
    return f"a ({first})", f"b ({second})"


def _traces(surface: Surface, shown: Shown, log: bool) -> list[Any]:
    """Surface, centre and trajectory at the heights of one scale."""

    def raised(values: Any) -> Array:
        inside = shown.inside(np.atleast_1d(np.asarray(values, dtype=np.float64)))
        return np.log10(inside) if log else inside

    first, second = ("a", "b") if surface.record else ("row", "column")
    numbers = [surface.losses]
    if surface.accuracies is not None:
        numbers.append(surface.accuracies.mean(axis=0))
    said = "<br>accuracy = %{customdata[1]:.4g}" if len(numbers) > 1 else ""
    # Plotly's z[i][j] lies at y[i], x[j].
    whole = go.Surface(
        x=surface.axes[0],
        y=surface.axes[1],
        z=raised(shown.values).T,
        customdata=np.stack([values.T for values in numbers], axis=-1),
        colorscale=COLOURS,
        colorbar={"title": _height(shown.quantity, log), "thickness": 14},
        contours={"z": {"show": True, "usecolormap": True, "project": {"z": True}}},
        hovertemplate=f"{first} = %{{x:.4g}}<br>{second} = %{{y:.4g}}<br>"
        f"loss = %{{customdata[0]:.6g}}{said}<extra></extra>",
    )
    return [whole, *_centre(surface, shown, raised), *_trajectory(surface, shown, raised)]


def _centre(surface: Surface, shown: Shown, raised: Callable[[Any], Array]) -> list[Any]:
    """The trained weights as a point of the surface."""
    name = "centre_loss" if shown.quantity == "loss" else "centre_accuracy"
    value = surface.record.get(name)
    if value is None:
        return []
    return [
        go.Scatter3d(
            x=[0.0],
            y=[0.0],
            z=raised(value).tolist(),
            mode="markers",
            marker={"size": 4, "color": "black"},
            name="trained weights",
            hovertemplate=f"trained weights<br>{shown.quantity} = {value:.6g}<extra></extra>",
        )
    ]


def _trajectory(surface: Surface, shown: Shown, raised: Callable[[Any], Array]) -> list[Any]:
    """The checkpoints on the surface, and where their own losses lie."""
    path = surface.trajectory
    if path is None or shown.quantity != "loss":
        return []
    x, y = path["coordinates"].T
    numbers = np.stack([path[name] for name in ("steps", "loss", "plane_loss", "distance")], axis=1)
    words = (
        "step %{customdata[0]:.0f}<br>loss = %{customdata[1]:.6g}<br>of the plane = "
        "%{customdata[2]:.6g}<br>distance off the plane = %{customdata[3]:.4g}<extra></extra>"
    )
    kept = {"x": x, "y": y, "customdata": numbers, "hovertemplate": words}
    return [
        go.Scatter3d(
            z=raised(path["plane_loss"]),
            mode="lines+markers",
            line={"color": PATH, "width": 5},
            marker={"size": 2.5, "color": PATH},
            name="checkpoints on the plane",
            **kept,
        ),
        go.Scatter3d(
            z=raised(path["loss"]),
            mode="markers",
            marker={"size": 3, "color": "black", "symbol": "circle-open"},
            name="their own losses",
            **kept,
        ),
    ]
