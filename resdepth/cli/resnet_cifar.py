"""`resdepth resnet-cifar`."""

import json
import math
import signal
import warnings
from collections.abc import Mapping
from typing import Any

from resdepth.cli import console
from resdepth.cli.parameters import command, command_line
from resdepth.errors import Diverged
from resdepth.options.resnet_cifar import ResnetCifarInvocation, ResnetCifarOptions
from resdepth.runs.folder import check_resume, create_run, default_run_folder, reopen_run
from resdepth.runs.manifest import Manifest

PROGRAM = "resnet-cifar"
TOP1, TOP2 = "val/accuracy", "val/top2"


def resnet_cifar(
    options: ResnetCifarOptions, call: ResnetCifarInvocation, given: frozenset[str]
) -> int:
    """Train He's residual network for CIFAR-10 with both branches of a block scaled by n^(-alpha).

    The run folder holds the manifest, checkpoints and, in resnet_events, loss, Omega and rate of
    each step; top-1 and top-2 accuracy on the test set are printed at the end, per class too.
    Ctrl-C or SIGTERM ends the run after the step with a checkpoint; --resume continues it to the
    same bits it would have reached. With --seeds n, OUT/seed_<s>/ is a run each.
    """
    if call.resume is not None:
        check_resume(call.resume, call.out, overwrite=call.overwrite)
    several = (call.resume / "summary.json").is_file() if call.resume else options.seeds > 1
    return _seeds(options, call, given) if several else _single(options, call, given)


def _single(options: ResnetCifarOptions, call: ResnetCifarInvocation, given: frozenset[str]) -> int:
    if call.resume is not None:
        folder = call.resume
        manifest = reopen_run(folder, PROGRAM, _explicit(options, given))
    else:
        folder = call.out or default_run_folder(options.stem)
        recorded = options.recorded()
        manifest = create_run(folder, PROGRAM, recorded, command_line(), overwrite=call.overwrite)
    # Only now torch: the manifest is on disk before anything can take long or fail.
    terminal = _terminal(call)
    from resdepth.experiment.classify import run_classification

    try:
        ended = run_classification(folder, manifest, terminal)
    except KeyboardInterrupt:
        return 128 + (terminal.signal or signal.SIGINT)
    _summary(ended, quiet=call.quiet)
    if call.json_:
        names = ("outcome", "steps", "seconds_per_step", "detail", "final")
        record = ended.model_dump(mode="json", include=set(names))
        print(json.dumps({"run": str(folder)} | {name: record[name] for name in names}))
    else:
        if ended.outcome != "finished" and ended.final:
            console.say(f"accuracies after step {ended.detail['evaluated_at']}", quiet=call.quiet)
        _table(ended.final, {})
    console.wrote([folder], aside=call.json_)
    if ended.outcome == "diverged":
        detail = ended.detail
        raise Diverged(step=detail["step"], place="", loss=detail["loss"], path=folder)
    if ended.outcome == "interrupted":
        return 128 + int(ended.detail.get("signal", signal.SIGINT))
    return 0


def _seeds(options: ResnetCifarOptions, call: ResnetCifarInvocation, given: frozenset[str]) -> int:
    folder = call.resume or call.out or default_run_folder(options.stem)
    terminal = _terminal(call)
    from resdepth.experiment.seeds import run_seeds

    try:
        summary = run_seeds(
            folder,
            options,
            command_line(),
            given=_explicit(options, given) if call.resume else None,
            overwrite=call.overwrite,
            observer=terminal,
        )
    except KeyboardInterrupt:
        return 128 + (terminal.signal or signal.SIGINT)
    if call.json_:
        print(json.dumps({"run": str(folder)} | summary))
    else:
        if summary["finished"]:
            print(f"mean of {summary['finished']} seeds at their final epoch")
        _table(summary["mean"], summary["std"])
    console.wrote([folder], aside=call.json_)
    outcomes = {seed: record["outcome"] for seed, record in summary["seeds"].items()}
    for seed, outcome in outcomes.items():
        if outcome == "diverged":
            console.warn(f"seed {seed} diverged and is left out of the mean")
    if "interrupted" in outcomes.values():
        return 128 + (terminal.signal or signal.SIGINT)
    return int("diverged" in outcomes.values())


def _terminal(call: ResnetCifarInvocation) -> Any:
    from resdepth.cli.progress import Terminal

    terminal = Terminal(call.quiet)
    warnings.showwarning = lambda message, *_, **__: console.warn(str(message))
    return terminal


def _explicit(options: ResnetCifarOptions, given: frozenset[str]) -> dict[str, Any]:
    recorded = options.recorded()
    return {name: recorded[name] for name in given}


def _summary(manifest: Manifest, *, quiet: bool) -> None:
    pace = ""
    if manifest.seconds_per_step:
        options = manifest.options
        images = min(options["batch_size"], options["limit_train"] or math.inf)
        images /= manifest.seconds_per_step
        pace = f", {images:.4g} images/s"
    console.say(f"{manifest.outcome} after {manifest.steps} steps{pace}", quiet=quiet)


def _table(final: Mapping[str, float], spread: Mapping[str, float]) -> None:
    """Top-1 and top-2 of each class and of all, with ± deviation where there is one."""
    if TOP1 not in final:
        return
    names = [tag.removeprefix(f"{TOP1}/") for tag in final if tag.startswith(f"{TOP1}/")]
    width = max(len(name) for name in [*names, "class"])
    cell = 16 if spread else 8
    print(f"{'class':{width}} {'top-1':>{cell}} {'top-2':>{cell}}")
    for name in [*names, ""]:
        suffix = f"/{name}" if name else ""
        shown = [_percent(tag + suffix, final, spread) for tag in (TOP1, TOP2)]
        print(f"{name or 'all':{width}} {shown[0]:>{cell}} {shown[1]:>{cell}}")


def _percent(tag: str, final: Mapping[str, float], spread: Mapping[str, float]) -> str:
    deviation = f" ± {100 * spread[tag]:.2f}" if tag in spread else ""
    return f"{100 * final[tag]:.2f}{deviation} %"


COMMANDS = {PROGRAM: command(PROGRAM, ResnetCifarOptions, ResnetCifarInvocation, resnet_cifar)}
