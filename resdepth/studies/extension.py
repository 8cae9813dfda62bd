"""What can be added to an existing study, and the command of a new study for anything else."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from resdepth.errors import Usage
from resdepth.options.executor import ExecutorInvocation
from resdepth.options.study import DEFAULTS
from resdepth.runs.folder import default_run_folder
from resdepth.studies.command import quoted, run_command, words_of
from resdepth.studies.plan import ALWAYS, AUTO, TRAIN, Plan, ascending, check_start, depths_of
from resdepth.studies.ranges import spelled_out


def extended(plan: Plan, given: Mapping[str, Any], settings: Mapping[str, Any]) -> Plan:
    """The same study with more depths, seeds or epochs, or more rates if it has several.

    A number also replaces the rate `auto` as long as no rate has been found. Raises Usage if
    another option differs, or a depth does not fit the start that all depths share; the command
    that it recommends has the executor of `settings`.
    """
    named = {name: value for name, value in given.items() if value is not None}
    if named.pop("program", plan.program) != plan.program:
        reason = f"the study in {plan.folder} trains {plan.program}, not {given['program']}"
        raise Usage("program", reason, "choose another folder for a new study")
    # The depth at which the start is drawn follows from all depths unless it was given.
    derived: dict[str, Any] = {}
    if "init_depth" in plan.options and "init_depth" not in named:
        derived = {"init_depth": None}
        if "depth" in named:
            added = depths_of(spelled_out("depth", named["depth"]))
            _check_depths(_with_axes(plan, depth=(*plan.axes["depth"], *added)), settings)
    options = plan.spelled() | derived | named
    other = Plan.of(plan.folder, options, plan.command, strict=named)
    more = {}
    for name in (*ALWAYS, *({"lr"} & plan.axes.keys())):
        values = other.axes.get(name) or (other.options[name],)
        if AUTO not in values:
            more[name] = (*plan.axes.get(name, ()), *values)
    whole = _with_axes(plan, **more)
    if plan.rateless and "lr" in named:
        options = other.options | {"init_depth": plan.options.get("init_depth")}
        whole = replace(_with_axes(other, **more), options=options)
    for name in named:
        before, after = plan.value(name), other.value(name)
        if name in more or after == before or (name == "lr" and plan.rateless):
            continue
        if name == "epochs" and name in plan.options and name in other.options and after > before:
            whole = replace(whole, options=whole.options | {name: after})
            continue
        new = quoted(anew(_with_axes(other, **more), settings, **derived))
        reason = f"the study in {plan.folder} has {_shown(before)}, not {_shown(after)}"
        only = "depths, seeds and epochs can be added; for anything else create a new study"
        raise Usage(name, reason, f"{only}: {new}")
    whole.cells()
    return whole


def anew(plan: Plan, settings: Mapping[str, Any], **changes: Any) -> str:
    """The command that creates the same study with `changes` in another folder."""
    folder = default_run_folder(plan.folder.name or "study", plan.folder.parent)
    options = plan.spelled() | changes
    new = Plan.of(folder, options, plan.command)
    cells = [cell.options for cell in new.cells()]
    if not new.rateless and not any(getattr(one, "lr_depth", None) for one in cells):
        options.pop("lr_depth", None)
    # A study has other defaults for the rate and the axes than the program.
    defaults, always = plan.model(lr=1.0), (*DEFAULTS[plan.program], "lr", "lr_depth_exponent")
    given = {
        name: value
        for name, value in options.items()
        if value is not None and (name in always or value != getattr(defaults, name, TRAIN))
    }
    command = run_command(folder, **given)
    if settings.get("executor", "local") == "local":
        return command
    return f"{command} {shlex.join(words_of(ExecutorInvocation, settings))}"


def slower(plan: Plan, settings: Mapping[str, Any]) -> str:
    """The command of a new study at half the rate, "" if the study has no single rate."""
    return "" if plan.rate is None else anew(plan, settings, lr=plan.rate / 2)


def _with_axes(plan: Plan, **axes: tuple[Any, ...]) -> Plan:
    ordered = {name: ascending(values) for name, values in axes.items()}
    return replace(plan, axes=plan.axes | ordered)


def _check_depths(plan: Plan, settings: Mapping[str, Any]) -> None:
    if (drawn := plan.options.get("init_depth")) is None:
        return
    depths, remedy = plan.axes["depth"], ""
    if all(max(depths) in {depth << n for n in range(64)} for depth in depths):
        new = quoted(anew(plan, settings, init_depth=None))
        remedy = "the existing cells would need other initial weights; "
        remedy += f"create a new study with all depths: {new}"
    check_start(depths, drawn, remedy)


def _shown(value: Any) -> str:
    values = value if isinstance(value, tuple) else [value]
    return ",".join("none" if one is None else str(one) for one in values)
