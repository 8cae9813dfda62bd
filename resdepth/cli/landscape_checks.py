"""Numbers and sentences that show whether a picture of a surface can be trusted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resdepth.runs.surface import Surface


def path_numbers(surface: "Surface") -> dict[str, Any]:
    """The checkpoints of a trajectory, for `--json`."""
    path = surface.trajectory or {}
    names = ("coordinates", "loss", "plane_loss", "distance")
    return {
        "explained": surface.record["explained"],
        "steps": path["steps"].astype(int),
        **{name: path[name] for name in names},
        "provenance": surface.record.get("provenance"),
    }


def checks(surface: "Surface") -> list[str]:
    """The checks of a surface, one line each."""
    record, found = surface.record, []
    if "norm_ratios" in record:
        ratios = ", ".join(f"{ratio:.6g}" for ratio in record["norm_ratios"][:8])
        found.append(f"norms of the directions over that of the weights they move: {ratios}")
        cosines = [row[i + 1] for i, row in enumerate(record["cosines"][:-1])][::2]
        if cosines:
            words = ", ".join(f"{cosine:.3g}" for cosine in cosines[:8])
            found.append(f"cosines of the directions: {words}")
    if "spans" in record and record.get("span") == "auto":
        words = ", ".join(f"{span:.4g}" for span in record["spans"])
        found.append(f"spans that --span auto found: {words}")
    own = record.get("run_loss")
    recorded = "the run recorded no loss of the same data"
    if own is not None:
        recorded = f"the run's own {own:.8g}"
    found.append(f"loss at the centre {record['centre_loss']:.8g}; {recorded}")
    return [*found, *_barrier(surface), *_path_words(surface)]


def _barrier(surface: "Surface") -> list[str]:
    """How high the loss rises between two minima above the straight line between their losses."""
    record = surface.record
    if record.get("kind") != "runs" or surface.losses.ndim != 1:
        return []
    (axis,), (other,) = surface.axes, record["mark_losses"]
    inside = (axis >= 0.0) & (axis <= 1.0)
    line = (1.0 - axis) * record["centre_loss"] + axis * other
    barrier = max(0.0, float((surface.losses - line)[inside].max(initial=0.0)))
    return [f"loss at the other weights {other:.8g}; barrier on the way {barrier:.6g}"]


def _path_words(surface: "Surface") -> list[str]:
    path = surface.trajectory
    if path is None:
        return []
    first, second = (100 * share for share in surface.record["explained"])
    farthest = int(path["distance"].argmax())
    gaps = abs(path["loss"] - path["plane_loss"])
    worst = int(gaps.argmax())
    return [
        f"{len(path['steps'])} checkpoints; the plane explains {first:.4g} % + {second:.4g} %",
        f"farthest off the plane: {path['distance'][farthest]:.4g} at step "
        f"{path['steps'][farthest]:.0f}; widest gap of the losses: {gaps[worst]:.4g} at step "
        f"{path['steps'][worst]:.0f}",
    ]
