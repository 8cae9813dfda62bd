"""What surfaces of all kinds begin with: a loss around a checkpoint, and all that it depends on."""

from dataclasses import dataclass
from typing import Any

import torch

from resdepth.cores import available_threads
from resdepth.engine.convolutional_objective import Statistics
from resdepth.engine.device import resolve_device
from resdepth.engine.objective import Objective
from resdepth.options.landscape import Evaluation
from resdepth.options.train import TrainOptions
from resdepth.probing.objectives import Source, objective_of
from resdepth.runs.checkpoint import Checkpoint, read_checkpoint
from resdepth.runs.checksum import file_checksum


@dataclass(frozen=True)
class Setting:
    """A loss around a checkpoint, where it is computed, and what its values depend on."""

    objective: Objective
    checkpoint: Checkpoint
    request: dict[str, Any]

    @property
    def centre(self) -> torch.Tensor:
        """The weights in float64, where those of the cells are added up.

        The same sums to the bit on every device; mps has no float64.
        """
        own = self.objective.centre.detach()
        place = torch.device("cpu") if own.device.type == "mps" else own.device
        return own.cpu().double().to(place)


def setting(
    source: Source, options: Evaluation, statistics: Statistics, recorded: dict[str, Any]
) -> Setting:
    """Load weights and data; `recorded` is the request of an unfinished surface or empty.

    Its threads and batches are then kept.
    """
    threads = int(recorded.get("threads") or options.threads or available_threads())
    torch.set_num_threads(threads)
    device = resolve_device(options.device)
    checkpoint = read_checkpoint(source.checkpoint)
    objective, engine = objective_of(source, checkpoint, options, device, statistics)
    request = {
        "seed": options.seed,
        "subset": options.subset,
        "checkpoint": str(source.checkpoint),
        "checkpoint_sha256": file_checksum(source.checkpoint),
        "checkpoint_step": checkpoint.step,
        "training": source.training.recorded(),
        "samples": objective.samples,
        "statistics": statistics if source.convolutional else None,
        "device": str(device),
        "engine": engine,
        "threads": threads,
        "batch": int(recorded.get("batch") or objective.together),
    }
    return Setting(objective, checkpoint, request)


def run_loss(source: Source, step: int, subset: int | None) -> float | None:
    """The loss over the whole training set that the run itself recorded of its weights at `step`.

    None where it recorded none: it was another part of the data, a mini-batch, or another network's
    batch statistics.
    """
    run = source.run
    if run is None or subset is not None or not isinstance(source.training, TrainOptions):
        return None
    manifest = run.manifest
    if step == manifest.steps and "loss" in manifest.final:
        return manifest.final["loss"]
    if source.training.batch_size is not None:
        return None
    steps, losses = run.scalars("loss")
    found = losses[steps == step]
    return float(found[0]) if len(found) else None
