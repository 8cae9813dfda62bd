"""Runs compared to the bit."""

from dataclasses import dataclass
from pathlib import Path

import torch

import resdepth
from tests.support.events import Points, points


@dataclass(frozen=True)
class Whole:
    """Everything of a run that must not depend on how often it was stopped."""

    weights: list[torch.Tensor]
    exported: list[torch.Tensor]
    lr: float
    scalars: Points
    final: dict[str, float]
    steps: int
    files: list[str]


def whole(folder: Path) -> Whole:
    """Read a finished run; that it left nothing half-written is checked on the way."""
    run = resdepth.open_run(folder)
    manifest = run.manifest
    assert manifest.outcome == "finished", manifest
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert not [name for name in files if name.endswith(".part")]
    last = run.checkpoint()
    assert last.step == manifest.steps
    (exported,) = (folder / "exported_models").iterdir()
    return Whole(
        [last.blocks, last.readin, last.readout],
        torch.load(exported, weights_only=True),
        last.lr,
        points(folder),
        manifest.final,
        manifest.steps,
        [name for name in files if "tfevents" not in name],
    )


def assert_same(found: Whole, wanted: Whole) -> None:
    """Bit for bit."""
    assert found.steps == wanted.steps and found.lr == wanted.lr
    assert set(found.scalars) == set(wanted.scalars)
    differing = [key for key, value in wanted.scalars.items() if found.scalars[key] != value]
    assert not differing, f"scalars differ first at {min(differing, key=lambda key: key[1])}"
    assert found.final == wanted.final and found.files == wanted.files
    for ours, theirs in ((found.weights, wanted.weights), (found.exported, wanted.exported)):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file of a folder, byte for byte."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
