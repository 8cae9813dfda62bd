"""Several seeds of `resnet-cifar` as a study, with the mean and deviation of its runs."""

import json
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from resdepth.errors import Corrupt, ResdepthError, Usage, not_a_run, occupied, resume_changed
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.records import plain, write_numbers
from resdepth.runs.folder import create_run
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.runs.provenance import provenance
from resdepth.studies.actions import Say, trained
from resdepth.studies.command import quoted, run_command
from resdepth.studies.extension import extended
from resdepth.studies.plan import ALWAYS, Plan
from resdepth.studies.record import NAME as PLAN
from resdepth.studies.record import read_plan, write_plan

PROGRAM = "resnet-cifar"
NAME = "summary.json"
FORMAT = 1
HERE = {"executor": "local", "workers": 1}


def train_seeds(
    folder: Path,
    options: ResnetCifarOptions,
    command: list[str],
    *,
    given: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Train `options.seeds` seeds from `options.seed` on in `folder/seed_<s>/`; the summary.

    With `given`, the options that were set explicitly, the series in `folder` is resumed instead. A
    seed that diverges is left out of the mean. Raises what a single run raises, and Usage if two
    seeds have different data.
    """
    if given is not None:
        plan = _resumed(folder, given, command)
    elif folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise occupied(folder)
    else:
        plan = _planned(folder, options, command)
        for cell in plan.cells():
            if (cell.run / MANIFEST).is_file():
                recorded = cell.options.recorded()
                opening = create_run(cell.run, PROGRAM, recorded, command, overwrite=True)
                opening.begin(opening.manifest)
                opening.release()
    write_plan(plan)
    try:
        _summarised(plan, command)
        trained(plan, HERE, retry=True, say=say)
    finally:
        summary = _summarised(plan, command)
    return summary


def summarise(finals: Sequence[Mapping[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and sample standard deviation (n - 1) of each scalar; no deviation of a single run."""
    columns = {tag: [final[tag] for final in finals] for tag in (finals[0] if finals else ())}
    means = {tag: statistics.fmean(values) for tag, values in columns.items()}
    spread = {tag: statistics.stdev(values) for tag, values in columns.items() if len(values) > 1}
    return means, spread


def _planned(folder: Path, options: ResnetCifarOptions, command: list[str]) -> Plan:
    plan = Plan.of(folder, {"program": PROGRAM, **_words(options.recorded())}, command)
    return replace(plan, runs={cell.name: f"seed_{cell.options.seed}" for cell in plan.cells()})


def _words(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a series as a study has them."""
    words = dict(recorded)
    if (count := words.pop("seeds", None)) is not None:
        words["seed"] = f"{words['seed']}:{words['seed'] + count}"
    return words


def _resumed(folder: Path, given: Mapping[str, Any], command: list[str]) -> Plan:
    path = folder / NAME
    if (folder / PLAN).is_file():
        plan = read_plan(folder)
    elif not path.is_file():
        raise not_a_run(folder, f"it has no {NAME}")
    else:
        # Earlier versions wrote a series that was not a study.
        try:
            recorded = json.loads(path.read_text(encoding="utf-8"))["options"]
            plan = _planned(folder, ResnetCifarOptions.model_validate(recorded), command)
        except (OSError, ValueError, KeyError, TypeError, ResdepthError) as error:
            reason = f"not a summary of seeds ({type(error).__name__})"
            remedy = "restore the file; the runs next to it can be resumed one by one"
            raise Corrupt(path, reason, remedy) from None
    if set(plan.axes) != set(ALWAYS) or len(plan.axes["depth"]) > 1:
        again = quoted(run_command(folder))
        raise Usage(folder, "holds a study of more than seeds", f"{again} resumes it")
    return extended(plan, _words({"seed": plan.axes["seed"][0], **given}), HERE)


def _summarised(plan: Plan, command: list[str]) -> dict[str, Any]:
    """The summary of the runs that have started, also as a file."""
    ended: dict[int, Manifest] = {}
    for cell in plan.cells():
        with suppress(ResdepthError):
            manifest = read_manifest(cell.run)
            if manifest.data:
                ended[cell.options.seed] = manifest
    for seed, manifest in ended.items():
        first = next(iter(ended.values()))
        if manifest.data != first.data:
            given = f"that of seed {first.seed}"
            run = plan.folder / f"seed_{seed}"
            raise resume_changed("the data", run, f"checksum {manifest.data[:12]}", given)
    finals = [manifest.final for manifest in ended.values() if manifest.outcome == "finished"]
    means, spread = summarise(finals)
    seeds = plan.axes["seed"]
    options = plan.cells()[0].options.model_copy(update={"seed": seeds[0], "seeds": len(seeds)})
    kept = {"outcome", "steps", "final"}
    runs = {str(seed): one.model_dump(include=kept) for seed, one in ended.items()}
    summary = {"format": FORMAT, "program": PROGRAM, "options": options.recorded(), "seeds": runs}
    summary |= {"finished": len(finals), "mean": means, "std": spread}
    summary["provenance"] = plain(provenance(command, options))
    write_numbers(plan.folder / NAME, summary)
    return summary
