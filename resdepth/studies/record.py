"""`study.yaml`, the plan of a study, and `jobs.json`, the jobs that an executor received."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from resdepth.atomic import write_text
from resdepth.errors import Corrupt, Exists, Missing, ResdepthError
from resdepth.options.executor import ExecutorInvocation, checked
from resdepth.options.fields import nearest
from resdepth.options.resolve import parsed_yaml, resolve, written_yaml
from resdepth.studies.plan import ALWAYS, Plan
from resdepth.studies.ranges import COMMAND

NAME = "study.yaml"
JOBS = "jobs.json"
FORMAT = 1
KEYS = ("command", "axes", "options", "probes", "program", "runs")
OPTIONAL: dict[str, Any] = {"program": "train", "runs": {}}
"""Entries with defaults, which are written only if they differ."""
REMEDY = "restore the file; its runs can still be examined one by one"


def is_study(folder: Path) -> bool:
    """Whether there is a study in `folder`; raises Exists if it holds something else."""
    if (folder / NAME).is_file():
        return True
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        reason = "the folder exists and is not empty, but is not a study: it has no study.yaml"
        remedy = "choose another folder; if it was a study, restore its study.yaml"
        raise Exists(folder, reason, remedy)
    return False


def neighbour(folder: Path) -> str:
    """A question about a study next to `folder` whose name is similar, "" if there is none."""
    try:
        names = {path.parent.name: None for path in folder.parent.glob(f"*/{NAME}")}
    except OSError:
        return ""
    guess = nearest(folder.name, names) if names else ""
    return f" ({guess})" if guess.startswith("did") else ""


def write_plan(plan: Plan) -> None:
    """Write study.yaml whole."""
    entries = asdict(plan)
    changed = {name: entries[name] for name in KEYS if entries[name] != OPTIONAL.get(name)}
    write_text(plan.folder / NAME, written_yaml({"format": FORMAT, **changed}))


def read_plan(folder: Path) -> Plan:
    """The plan of the study in `folder`; raises Missing without one, Corrupt if it is damaged."""
    path = folder / NAME
    try:
        content = parsed_yaml(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.pop("format", None) != str(FORMAT):
            raise ValueError(f"it has no 'format: {FORMAT}'")
        if absent := set(KEYS) - set(OPTIONAL) - content.keys():
            raise ValueError(f"it has no {', '.join(sorted(absent))}")
        found = _PLAN.validate_python({"folder": folder, **content})
        plan = Plan.of(folder, found.spelled(), found.command)
        probes = tuple(
            replace(one, where={n: _typed(plan.axes[n], word) for n, word in one.where.items()})
            for one in found.probes
        )
        plan = replace(plan, probes=probes, runs=found.runs)
        lengths = {name: len(set(values)) for name, values in found.axes.items()}
        if {n: len(v) for n, v in plan.axes.items()} != lengths or set(ALWAYS) - set(found.axes):
            raise ValueError("its axes are not those of a plan")
        if any(Path(run).name != run for run in found.runs.values()):
            raise ValueError("its runs are not folders in the study")
        plan.cells()
        return plan
    except (FileNotFoundError, NotADirectoryError):
        remedy = "check the spelling; a study is a folder that 'resdepth study run' created"
        missing = Missing(folder, "not a study: it has no study.yaml", remedy)
        missing.exit_code = 2
        raise missing from None
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError, RecursionError) as error:
        raise Corrupt(path, f"not a plan ({' '.join(str(error).split())})", REMEDY) from None
    except ResdepthError as error:
        raise Corrupt(path, f"not a plan ({error})", REMEDY) from None


def _typed(values: tuple[Any, ...], word: str) -> Any:
    """The value of an axis that `word` in the file spells."""
    texts = {str(value): value for value in values}
    return texts[word] if word in texts else next(v for v in values if v == float(word))


@dataclass(frozen=True)
class Jobs:
    """The settings of the executor that was used last, and its handles by cell."""

    settings: dict[str, Any]
    handles: dict[str, str]


_PLAN, _JOBS = TypeAdapter(Plan), TypeAdapter(Jobs)


def write_jobs(folder: Path, jobs: Jobs) -> None:
    """Write jobs.json whole."""
    write_text(folder / JOBS, json.dumps(asdict(jobs), indent=2) + "\n")


def read_jobs(folder: Path) -> Jobs:
    """What the last executor received, empty if there was none; raises Corrupt if damaged."""
    path = folder / JOBS
    try:
        jobs = _JOBS.validate_json(path.read_bytes())
        settings = resolve(ExecutorInvocation, jobs.settings, command=COMMAND).settings
        return replace(jobs, settings=checked(settings) if settings else {})
    except FileNotFoundError:
        return Jobs({}, {})
    except (OSError, ValueError, ResdepthError) as error:
        reason = f"not a list of jobs ({' '.join(str(error).split())})"
        remedy = "remove the file; unfinished cells are then submitted again"
        raise Corrupt(path, reason, remedy) from None


def settings_of(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the executor: those given, and those of the last call of the same executor."""
    before = read_jobs(folder).settings
    same = given.get("executor", before.get("executor")) == before.get("executor")
    whole = (before if same else {}) | dict(given)
    return checked(resolve(ExecutorInvocation, whole, command=COMMAND).settings)
