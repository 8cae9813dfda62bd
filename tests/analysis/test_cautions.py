"""Losses that differ with the depth, and when they may."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from resdepth.analysis.cautions import cautions, computed_differently
from resdepth.analysis.study_runs import CellRow


def manifest(**options: object) -> Any:
    """What a caution looks at of a run's manifest."""
    versions = {"resdepth": "1.0", "torch": "2.6"}
    return SimpleNamespace(options=options, engine="cpu", device="cpu", versions=versions)


STOPS, PLAIN = manifest(stop_loss=0.5), manifest()


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


def otherwise(**changes: object) -> Any:
    """A run that was computed in another way."""
    return SimpleNamespace(**{**vars(manifest(dtype="float32")), **changes})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"engine": "eager"}, "engine: cpu in 2, eager in 1"),
        ({"device": "cuda"}, "device: cpu in 2, cuda in 1"),
        ({"versions": {"resdepth": "0.9", "torch": "2.6"}}, "resdepth: 0.9 in 1, 1.0 in 2"),
        (
            {
                "engine": "cuda",
                "device": "cuda:0",
                "versions": {"resdepth": "1.0", "torch": "2.15"},
            },
            "engine: cpu in 2, cuda in 1; torch: 2.15 in 1, 2.6 in 2; device: cpu in 2, cuda in 1",
        ),
        ({"options": {"dtype": "float64"}}, "dtype: float32 in 2, float64 in 1"),
    ],
)
def test_runs_that_were_computed_in_several_ways(changes: dict[str, object], named: str) -> None:
    alike = manifest(dtype="float32")
    found = list(computed_differently([alike, alike, otherwise(**changes)]))
    assert len(found) == 1 and f"({named}):" in found[0]


@pytest.mark.parametrize(
    "changes", [{}, {"engine": "", "device": "", "versions": {}, "options": {}}]
)
def test_runs_that_were_computed_alike_or_say_nothing_of_it(changes: dict[str, object]) -> None:
    assert not list(computed_differently([manifest(dtype="float32"), otherwise(**changes)]))


def test_which_of_several_gpus_it_was_makes_no_difference() -> None:
    gpus = [otherwise(device=device) for device in ("cuda:0", "cuda:1")]
    assert not list(computed_differently(gpus))
