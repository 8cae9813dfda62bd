"""Losses that differ with the depth, and when they may."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from resdepth.analysis.cautions import cautions
from resdepth.analysis.cells import CellRow

STOPS, PLAIN = SimpleNamespace(options={"stop_loss": 0.5}), SimpleNamespace(options={})


def said(losses: tuple[float, ...], manifests: list[Any]) -> list[str]:
    rows = [
        CellRow(Path(f"{depth}"), "", depth, 0, 1.0, "finished", 5, loss, 2.0, "", "")
        for depth, loss in zip((4, 8, 16), losses, strict=True)
    ]
    return list(cautions(rows, manifests))


@pytest.mark.parametrize(
    ("losses", "manifests", "told"),
    [
        ((1.0, 1.0, 1.0), [], False),
        ((1.0, 1.05, 1.09), [PLAIN], False),
        ((1.0, 1.05, 1.11), [PLAIN], True),
        ((1.11, 1.0, 1.05), [PLAIN], True),
        ((1.0, 2.0, 3.0), [PLAIN, STOPS], False),
        ((1.0, float("nan"), 1.0), [PLAIN], False),
    ],
)
def test_losses_that_differ_are_told_unless_training_stops_at_one(
    losses: tuple[float, ...], manifests: list[Any], told: bool
) -> None:
    found = said(losses, manifests)
    assert bool(found) == told
    assert all(text.startswith("the final loss depends on the depth") for text in found)
    assert all(f"{losses[2]:.3g} at L = 16" in text for text in found)
