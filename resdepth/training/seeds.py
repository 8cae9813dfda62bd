"""Several seeds of one `resnet-cifar`: a run each, and their mean and deviation beside them."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resdepth.errors import Corrupt, not_a_run, occupied, resume_changed
from resdepth.options.non_training import PLACE, RECORDING
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.records import plain, write_numbers
from resdepth.runs.folder import create_run, reopen_run
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest
from resdepth.runs.provenance import provenance
from resdepth.training.convolutional import prepare
from resdepth.training.observer import Observer, Silent
from resdepth.training.session import conduct

PROGRAM = "resnet-cifar"
NAME = "summary.json"
FORMAT = 1


def run_seeds(
    folder: Path,
    options: ResnetCifarOptions,
    command: list[str],
    *,
    given: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Train `options.seeds` seeds from `options.seed` on in `folder/seed_<s>/`; the summary.

    `given`, the options that were set explicitly, continues what is in the folder instead. A seed
    that diverges is reported and left out of the mean; an interruption ends the series.

    Raises
    ------
    Exists, Missing, Usage
        As for a single run; Usage too if two seeds differ in an option or in the data.
    """
    if given is not None:
        options = _continued(folder, given)
    elif folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise occupied(folder)
    ended: dict[int, Manifest] = {}
    observer = observer or Silent()
    seeds = list(range(options.seed, options.seed + options.seeds))
    summary = _write(folder, options, command, ended)
    for seed in seeds:
        run = folder / f"seed_{seed}"
        observer.say(f"seed {seed}, {seeds.index(seed) + 1} of {len(seeds)}: {run}")
        one = options.model_copy(update={"seed": seed, "seeds": 1}).recorded()
        if given is not None and (run / MANIFEST).is_file():
            # Every option of the summary, so that no other run in this place enters the mean.
            kept = {n: one[n] for n in one if n in given or n not in (*PLACE, *RECORDING)}
            opening = reopen_run(run, PROGRAM, kept)
        else:
            opening = create_run(run, PROGRAM, one, command, overwrite=overwrite)
        ended[seed] = conduct(opening, prepare, observer)
        data, first = ended[seed].data, next(iter(ended.values())).data
        if data != first:
            given_data = f"that of {folder / f'seed_{seeds[0]}'}"
            raise resume_changed("the data", run, f"checksum {data[:12]}", given_data)
        summary = _write(folder, options, command, ended)
        if ended[seed].outcome == "interrupted":
            break
    return summary


def summarise(finals: list[dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and sample standard deviation (n - 1) of each scalar; no deviation of a single run."""
    tags = list(finals[0]) if finals else []
    columns = {tag: [final[tag] for final in finals] for tag in tags}
    means = {tag: statistics.fmean(values) for tag, values in columns.items()}
    spread = {tag: statistics.stdev(values) for tag, values in columns.items() if len(values) > 1}
    return means, spread


def _continued(folder: Path, given: Mapping[str, Any]) -> ResnetCifarOptions:
    path = folder / NAME
    if not path.is_file():
        raise not_a_run(folder, f"it has no {NAME}")
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        options = ResnetCifarOptions.model_validate(recorded["options"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "restore the file; the runs beside it can be continued one by one"
        reason = f"not a summary of seeds ({type(error).__name__})"
        raise Corrupt(path, reason, remedy) from None
    for name in ("seed", "seeds"):
        held = getattr(options, name)
        if given.get(name, held) != held:
            raise resume_changed(name, folder, held, given[name])
    return options.model_copy(update={"epochs": given.get("epochs", options.epochs)})


def _write(
    folder: Path,
    options: ResnetCifarOptions,
    command: list[str],
    ended: Mapping[int, Manifest],
) -> dict[str, Any]:
    finals = [manifest.final for manifest in ended.values() if manifest.outcome == "finished"]
    means, spread = summarise(finals)
    summary: dict[str, Any] = {
        "format": FORMAT,
        "program": PROGRAM,
        "options": options.recorded(),
        "seeds": {
            str(seed): {"outcome": m.outcome, "steps": m.steps, "final": m.final}
            for seed, m in ended.items()
        },
        "finished": len(finals),
        "mean": means,
        "std": spread,
        "provenance": plain(provenance(command, options)),
    }
    write_numbers(folder / NAME, summary)
    return summary
