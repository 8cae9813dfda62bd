"""`resdepth train`, and what commands that train a run have in common."""

from importlib import import_module
from pathlib import Path
from typing import Any

from resdepth.cli import console, signals
from resdepth.cli.parameters import command, command_line
from resdepth.errors import Diverged
from resdepth.options.train import TrainInvocation, TrainOptions
from resdepth.runs.folder import check_resume, create_run, default_run_folder, reopen_run
from resdepth.runs.manifest import Manifest, read_manifest

HOMES = {"train": "resdepth.training.dense", "resnet-cifar": "resdepth.training.convolutional"}
"""The module that trains the runs of a program."""


@command("train")
def train(options: TrainOptions, call: TrainInvocation, given: frozenset[str]) -> int:
    """Train a residual network of L layers and record its weights as a path through the layers.

    The run folder holds the manifest, TensorBoard events, checkpoints and the exported weights.
    Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 end the run after the current step, with a checkpoint. A run
    that is resumed with --resume ends with the same bits as an uninterrupted one.
    """
    folder, ended = conducted("train", options, call, given)
    names = ("loss", "accuracy", "val/loss", "val/accuracy")
    scores = ", ".join(f"{name} {ended.final[name]:.4g}" for name in names if name in ended.final)
    pace = f", {1e3 * ended.seconds_per_step:.3g} ms per step" if ended.seconds_per_step else ""
    summary = f"{ended.outcome} after {ended.steps} steps{pace}: {scores}"
    console.say(summary, quiet=call.quiet)
    console.wrote([folder])
    return ending(ended, folder)


def run_folder(options: Any, call: TrainInvocation) -> Path:
    """The folder of the run."""
    if call.resume is not None:
        check_resume(call.resume, call.out, overwrite=call.overwrite)
    folder: Path = call.resume or call.out or default_run_folder(options.stem)
    return folder


def conducted(
    program: str, options: Any, call: TrainInvocation, given: frozenset[str]
) -> tuple[Path, Manifest]:
    """Open the run and train it; its folder and its manifest at the end.

    The folder is opened before anything that can take long or fail, such as the import of torch.
    """
    opening = None
    try:
        with signals.deferred():
            folder = run_folder(options, call)
            if call.resume is not None:
                opening = reopen_run(folder, program, options.recorded(given))
            else:
                settings = (options.recorded(), command_line())
                opening = create_run(folder, program, *settings, overwrite=call.overwrite)
            console.route_warnings()
            from resdepth.cli.progress import Terminal
            from resdepth.training.session import conduct

            prepare = import_module(HOMES[program]).prepare
        return folder, conduct(opening, prepare, Terminal(call.quiet))
    except BaseException:
        if opening is not None:
            number, new = signals.received(), not opening.replaces
            if number is not None and new and read_manifest(folder).outcome == "running":
                # The session had not begun, so has not recorded the interruption.
                update = {"outcome": "interrupted", "detail": {"signal": number}}
                opening.begin(opening.manifest.model_copy(update=update))
            opening.release()
        raise


def ending(manifest: Manifest, folder: Path) -> int:
    """The exit code of a run; raises Diverged if the loss was not finite."""
    detail = manifest.detail
    if manifest.outcome == "diverged":
        place = f" in layer {detail['layer']}" if "layer" in detail else ""
        raise Diverged(
            f"training diverged at step {detail['step']}{place}",
            f"the loss is {detail['loss']}",
            f"try a smaller `lr` or `dynamic_lr`; the last finite weights are in {folder}",
        )
    return signals.exit_code() if manifest.outcome == "interrupted" else 0
