"""`resdepth train`."""

import signal
import warnings
from pathlib import Path

from resdepth.cli import console
from resdepth.cli.parameters import command, command_line
from resdepth.errors import Diverged
from resdepth.options.train import TrainInvocation, TrainOptions
from resdepth.runs.folder import check_resume, create_run, default_run_folder, reopen_run
from resdepth.runs.manifest import Manifest


def train(options: TrainOptions, call: TrainInvocation, given: frozenset[str]) -> int:
    """Train a residual network of L layers and record its weights as a path through the layers.

    The run folder holds the manifest, TensorBoard events, checkpoints and the exported weights.
    Ctrl-C or SIGTERM ends the run after the step with a checkpoint; --resume continues it to the
    same bits it would have reached.
    """
    folder, manifest = _open(options, call, given)
    # Only now torch: the manifest is on disk before anything can take long or fail.
    from resdepth.cli.progress import Terminal

    terminal = Terminal(call.quiet)
    warnings.showwarning = lambda message, *_, **__: console.warn(str(message))
    from resdepth.experiment.train import run_training

    try:
        ended = run_training(folder, manifest, terminal)
    except KeyboardInterrupt:
        return 128 + (terminal.signal or signal.SIGINT)
    _summary(ended, quiet=call.quiet)
    console.wrote([folder])
    if ended.outcome == "diverged":
        detail = ended.detail
        place = f" in layer {detail['layer']}" if "layer" in detail else ""
        raise Diverged(step=detail["step"], place=place, loss=detail["loss"], path=folder)
    if ended.outcome == "interrupted":
        return 128 + int(ended.detail.get("signal", signal.SIGINT))
    return 0


def _open(
    options: TrainOptions, call: TrainInvocation, given: frozenset[str]
) -> tuple[Path, Manifest]:
    if call.resume is not None:
        check_resume(call.resume, call.out, overwrite=call.overwrite)
        explicit = {name: options.recorded()[name] for name in given}
        return call.resume, reopen_run(call.resume, "train", explicit)
    folder = call.out or default_run_folder(options.stem)
    recorded = options.recorded()
    return folder, create_run(folder, "train", recorded, command_line(), overwrite=call.overwrite)


def _summary(manifest: Manifest, *, quiet: bool) -> None:
    names = ("loss", "accuracy", "val/loss", "val/accuracy")
    parts = [f"{name} {manifest.final[name]:.4g}" for name in names if name in manifest.final]
    pace = f", {1e3 * manifest.seconds_per_step:.3g} ms a step" if manifest.seconds_per_step else ""
    console.say(
        f"{manifest.outcome} after {manifest.steps} steps{pace}: {', '.join(parts)}", quiet=quiet
    )


COMMANDS = {"train": command("train", TrainOptions, TrainInvocation, train)}
