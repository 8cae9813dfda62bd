"""`study.yaml`, the plan of a study, and `jobs.json`, what its executor was given."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from resdepth.atomic import write_text
from resdepth.errors import Corrupt, Exists, Missing, ResdepthError
from resdepth.options import yaml12
from resdepth.options.complaint import nearest
from resdepth.options.executor import ExecutorInvocation, checked
from resdepth.options.resolve import resolve
from resdepth.studies.plan import ALWAYS, Plan, Probe, ascending

NAME = "study.yaml"
JOBS = "jobs.json"
FORMAT = 1
KEYS = ("format", "command", "axes", "options", "probes")
REMEDY = "restore the file; its runs can be looked at one by one"


def begun(folder: Path) -> bool:
    """Whether there is a study in `folder`.

    Raises
    ------
    Exists
        There is something else.
    """
    if (folder / NAME).is_file():
        return True
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Exists(
            folder,
            "the folder exists and is not empty, but no study: it has no study.yaml",
            "name another folder; if the folder was a study, restore its study.yaml",
        )
    return False


def neighbour(folder: Path) -> str:
    """A question about a study beside `folder` whose name is similar, "" if there is none."""
    try:
        names = {path.parent.name: None for path in folder.parent.glob(f"*/{NAME}")}
    except OSError:
        return ""
    guess = nearest(folder.name, names) if names else ""
    return f" ({guess})" if guess.startswith("did") else ""


def write_plan(plan: Plan) -> None:
    """Write study.yaml whole."""
    content = {
        "format": FORMAT,
        "command": list(plan.command),
        "axes": {name: list(values) for name, values in plan.axes.items()},
        "options": plan.options,
        "probes": [asdict(probe) for probe in plan.probes],
    }
    write_text(plan.folder / NAME, yaml12.dump(content))


def read_plan(folder: Path) -> Plan:
    """The plan of the study in `folder`.

    Raises
    ------
    Missing
        There is none.
    Corrupt
        study.yaml is not what was written.
    """
    path = folder / NAME
    try:
        content = yaml12.load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise Missing(
            folder,
            "not a study: it has no study.yaml",
            "check the spelling; a study is a folder that 'resdepth study run' created",
        ) from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = f"not a plan ({' '.join(str(error).split())})"
        raise Corrupt(path, reason, REMEDY) from None
    try:
        if not isinstance(content, dict) or content.keys() != set(KEYS):
            raise ValueError(f"its entries are not {', '.join(KEYS)}")
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}, not {FORMAT}")
        axes = {str(name): tuple(values) for name, values in content["axes"].items()}
        probes = tuple(_probe(one) for one in content["probes"])
        plan = Plan(folder, axes, dict(content["options"]), tuple(content["command"]))
        again = replace(Plan.of(folder, plan.spelled(), plan.command), probes=probes)
        ordered = {name: ascending(values) for name, values in axes.items()}
        if again.axes != ordered or set(ALWAYS) - set(axes):
            raise ValueError("its axes are not those of a plan")
        again.cells()
    except (ValueError, KeyError, TypeError, AttributeError, ResdepthError) as error:
        reason = f"not a plan ({type(error).__name__}: {error})"
        raise Corrupt(path, reason, REMEDY) from None
    return again


def _probe(content: Mapping[str, Any]) -> Probe:
    tried = {float(rate): bool(good) for rate, good in content["tried"].items()}
    where, depth, seed = dict(content["where"]), int(content["depth"]), int(content["seed"])
    return Probe(where, depth, seed, tried, float(content["lr"]))


@dataclass(frozen=True)
class Jobs:
    """The settings of the executor that was used last, and its handles by cell."""

    settings: dict[str, Any]
    handles: dict[str, str]


def write_jobs(folder: Path, jobs: Jobs) -> None:
    """Write jobs.json whole."""
    write_text(folder / JOBS, json.dumps(asdict(jobs), indent=2) + "\n")


def read_jobs(folder: Path) -> Jobs:
    """What the last executor was given; nothing where there was none."""
    path = folder / JOBS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        settings = resolve(ExecutorInvocation, dict(content["settings"]), command="study run")
        handles = {str(name): str(handle) for name, handle in content["handles"].items()}
        return Jobs(checked(settings.settings) if settings.settings else {}, handles)
    except FileNotFoundError:
        return Jobs({}, {})
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ResdepthError) as error:
        reason = f"not a list of jobs ({type(error).__name__}: {error})"
        remedy = "remove the file; unfinished cells are submitted again then"
        raise Corrupt(path, reason, remedy) from None
