"""`resdepth train` against the thesis's own way: a LightningModule with torchmetrics.

    pip install lightning torchmetrics   # for this benchmark alone
    python benchmarks/bench_lightning.py [--depths 64 1000] [--steps 40]

Both train the default network on the embedded digits and log loss and metrics each step, nothing
else. Lightning's time is the median over its steps, ours `seconds_per_step` of the manifest.
"""

import argparse
import logging
import shutil
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
import torchmetrics
from bench_step import OUTPUTS, Modules
from common import append
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import resdepth
from resdepth.training.networks import initial_network

STEPS_OF_WARM_UP = 3


class Thesis(lightning.LightningModule):
    """A training step as the thesis writes it."""

    def __init__(self, network: Any, rate: float) -> None:
        super().__init__()
        self.model, self.rate = Modules(network), rate
        kinds = {"accuracy": "micro", "precision": "macro", "recall": "macro"}
        classes = {"accuracy": torchmetrics.Accuracy, "precision": torchmetrics.Precision,
                   "recall": torchmetrics.Recall}  # fmt: skip
        self.metrics = torch.nn.ModuleDict(
            {
                name: kind(task="multiclass", num_classes=OUTPUTS, average=kinds[name])
                for name, kind in classes.items()
            }
        )
        self.times: list[float] = []

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        inputs, targets = batch
        prediction = self.model(inputs)
        loss = torch.nn.functional.cross_entropy(prediction, targets)
        self.log("loss", loss)
        for name, metric in self.metrics.items():
            self.log(name, metric(prediction, targets))
        return loss

    def on_train_batch_end(self, *arguments: Any) -> None:
        self.times.append(time.perf_counter())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.rate)


def thesis_seconds(options: resdepth.TrainOptions, steps: int, folder: str) -> float:
    """Median seconds a step of the LightningModule."""
    train, _ = resdepth.load_data(options)
    drawn = (options.network, options.init, options.data, options.seed)
    network = initial_network(*drawn, train)
    data = TensorDataset(network.embed(train.inputs), train.targets)
    module = Thesis(network, options.lr)
    trainer = lightning.Trainer(
        max_epochs=steps + STEPS_OF_WARM_UP,
        accelerator="cpu",
        default_root_dir=folder,
        logger=lightning.pytorch.loggers.TensorBoardLogger(folder),
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(data, batch_size=len(data)))
    gaps = [b - a for a, b in zip(module.times, module.times[1:], strict=False)]
    return statistics.median(gaps[STEPS_OF_WARM_UP:])


def our_seconds(options: resdepth.TrainOptions, folder: str) -> float:
    """`seconds_per_step` of the same run by resdepth."""
    run = resdepth.train(options, Path(folder) / "ours")
    return run.manifest.seconds_per_step or float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--depths", type=int, nargs="+", default=[64, 1000])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    rows = []
    for depth in arguments.depths:
        options = resdepth.TrainOptions(
            depth=depth, epochs=arguments.steps, no_p_var=True, store_grad=False, val_every=0,
            checkpoint_every=0,
        )  # fmt: skip
        pairs = []
        for _ in range(arguments.repeats):
            folder = tempfile.mkdtemp()
            pairs.append(
                (thesis_seconds(options, arguments.steps, folder), our_seconds(options, folder))
            )
            shutil.rmtree(folder)
        theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"L={depth}: Lightning {1e3 * theirs:.2f} ms, resdepth {1e3 * ours:.2f} ms a step: "
              f"{theirs / ours:.1f}x")  # fmt: skip
        rows.append(
            {"depth": depth, "lightning": f"{theirs:.6g}", "resdepth": f"{ours:.6g}",
             "ratio": f"{theirs / ours:.4g}", "versions": f"lightning {lightning.__version__}"}
        )  # fmt: skip
    print(f"appended to {append('lightning', rows)}")


if __name__ == "__main__":
    main()
