"""From the options of a command to a run: open its folder, train, report the end."""

from importlib import import_module
from pathlib import Path
from typing import Any

from resdepth.cli import console, signals
from resdepth.cli.parameters import command_line
from resdepth.errors import Diverged
from resdepth.options.base import Options
from resdepth.runs.folder import Opening, check_resume, create_run, default_run_folder, reopen_run
from resdepth.runs.manifest import Manifest, read_manifest

HOMES = {"train": "resdepth.training.dense", "resnet-cifar": "resdepth.training.convolutional"}
"""The module that trains the runs of a program."""


def explicit(options: Options, given: frozenset[str]) -> dict[str, Any]:
    """The options that were set by a flag or a file, as a manifest holds them."""
    recorded = options.recorded()
    return {name: recorded[name] for name in given}


def run_folder(options: Any, call: Any) -> Path:
    """The folder of the run."""
    if call.resume is not None:
        check_resume(call.resume, call.out, overwrite=call.overwrite)
    folder: Path = call.resume or call.out or default_run_folder(options.stem)
    return folder


def opened(program: str, options: Any, call: Any, given: frozenset[str]) -> Opening:
    """The run folder of this call, new or resumed."""
    folder = run_folder(options, call)
    if call.resume is not None:
        return reopen_run(folder, program, explicit(options, given))
    recorded = options.recorded()
    return create_run(folder, program, recorded, command_line(), overwrite=call.overwrite)


def told(call: Any) -> Any:
    """The terminal as an observer; warnings become lines on it."""
    from resdepth.cli.progress import Terminal

    console.route_warnings()
    return Terminal(call.quiet)


def conducted(
    program: str, options: Any, call: Any, given: frozenset[str]
) -> tuple[Path, Manifest]:
    """Open the run and train it; its folder and its manifest at the end.

    The folder is opened before anything that can take long or fail, such as the import of torch.
    """
    opening = None
    try:
        with signals.deferred():
            opening = opened(program, options, call, given)
            terminal = told(call)
            from resdepth.training.session import conduct

            prepare = import_module(HOMES[program]).prepare
        return opening.folder, conduct(opening, prepare, terminal)
    except BaseException:
        if opening is not None:
            _note_interruption(opening)
        raise


def _note_interruption(opening: Opening) -> None:
    """Write the interruption into the manifest of a run whose session had not begun."""
    number, unsaid = signals.received(), not opening.replaces
    if number is not None and unsaid and read_manifest(opening.folder).outcome == "running":
        update = {"outcome": "interrupted", "detail": {"signal": number}}
        opening.begin(opening.manifest.model_copy(update=update))
    opening.release()


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
