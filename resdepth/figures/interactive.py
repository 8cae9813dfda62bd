"""A loss surface that a reader can turn: one .html file that needs no network."""

import math
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from resdepth.atomic import write_text
from resdepth.figures.landscape import COLOURS, Shown
from resdepth.runs.surface import Surface


def save_html(surface: Surface, shown: Shown, log: bool, path: Path) -> None:
    """Write the surface with plotly.js inside the file; hovering shows the true losses."""
    heights = np.log10(shown.losses) if log else shown.losses
    known = bool(surface.record)
    first, second = (
        ("a (along D<sub>0</sub>)", "b (along D<sub>1</sub>)") if known else ("row", "column")
    )
    # Plotly's z[i][j] lies at y[i], x[j].
    trace = go.Surface(
        x=surface.axes[0],
        y=surface.axes[1],
        z=heights.T,
        customdata=surface.losses.T,
        colorscale=COLOURS,
        colorbar={"title": "log<sub>10</sub> loss" if log else "loss", "thickness": 14},
        contours={"z": {"show": True, "usecolormap": True, "project": {"z": True}}},
        hovertemplate=f"{first[0]} = %{{x:.4g}}<br>{second[0]} = %{{y:.4g}}<br>"
        "loss = %{customdata:.6g}<extra></extra>",
    )
    drawn = go.Figure(trace)
    if surface.centre_loss is not None:
        drawn.add_trace(_centre(surface.centre_loss, log))
    drawn.update_layout(
        title={"text": f"clipped: {shown.note}" if shown.note else "", "font": {"size": 12}},
        scene={
            "xaxis": {"title": first},
            "yaxis": {"title": second},
            "zaxis": {"title": "log<sub>10</sub> loss" if log else "loss"},
            "aspectmode": "manual",
            "aspectratio": {"x": 1, "y": 1, "z": 0.7},
        },
        font={"family": "serif"},
        margin={"l": 0, "r": 0, "t": 40 if shown.note else 10, "b": 0},
        showlegend=False,
    )
    page = drawn.to_html(include_plotlyjs=True, include_mathjax=False, div_id="surface")
    write_text(path, page)


def _centre(loss: float, log: bool) -> go.Scatter3d:
    """The trained weights as a point of the surface."""
    return go.Scatter3d(
        x=[0.0],
        y=[0.0],
        z=[math.log10(loss) if log and loss > 0 else loss],
        mode="markers",
        marker={"size": 4, "color": "black"},
        name="trained weights",
        hovertemplate=f"trained weights<br>loss = {loss:.6g}<extra></extra>",
    )
