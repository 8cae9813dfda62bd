"""What may be added to a study that has begun, and the command of a new study for the rest."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from resdepth.errors import Usage
from resdepth.options.effect import idle
from resdepth.runs.folder import default_run_folder
from resdepth.studies.axes import spelled_out
from resdepth.studies.command import new_study_command, quoted
from resdepth.studies.plan import ALWAYS, AUTO, Plan, ascending, check_start, depths_of


def extended(plan: Plan, given: Mapping[str, Any], settings: Mapping[str, Any]) -> Plan:
    """The same study with more depths, seeds or epochs, or more rates if it has several.

    A number also replaces the rate `auto` as long as no rate has been found. `settings` of the
    executor are for the command that an error recommends.

    Raises
    ------
    Usage
        Another option differs; the message names it.
    Usage
        A depth does not fit the start that all depths share.
    """
    named = {name: value for name, value in given.items() if value is not None}
    # The depth at which the start is drawn follows from all depths unless it was given.
    derived = {} if "init_depth" in named else {"init_depth": None}
    if derived and "depth" in named:
        added = depths_of(spelled_out("--depth", named["depth"]))
        depths = ascending((*plan.axes["depth"], *added))
        _check_depths(replace(plan, axes=plan.axes | {"depth": depths}), settings)
    other = Plan.of(plan.folder, plan.spelled() | derived | named, plan.command)
    more = _union(plan, other, (*ALWAYS, *({"lr"} & plan.axes.keys())))
    whole = replace(plan, axes=plan.axes | more)
    if plan.rateless and "lr" in named:
        options = other.options | {"init_depth": plan.options.get("init_depth")}
        whole = replace(other, axes=other.axes | more, options=options)
    for name in named:
        before, after = plan.value(name), other.value(name)
        if name in more or after == before or (name == "lr" and plan.rateless):
            continue
        if name == "epochs" and name in plan.options and name in other.options and after > before:
            whole = replace(whole, options=whole.options | {name: after})
            continue
        command = quoted(anew(replace(other, axes=other.axes | more), settings, **derived))
        raise Usage(
            name,
            f"the study in {plan.folder} has {_shown(before)}, not {_shown(after)}",
            f"depths, seeds and epochs can be added; otherwise begin a new study: {command}",
        )
    whole.cells()
    return whole


def anew(plan: Plan, settings: Mapping[str, Any], **changes: Any) -> str:
    """The command that begins the same study with `changes` in another folder."""
    folder = default_run_folder(plan.folder.name or "study", plan.folder.parent)
    options = plan.spelled() | changes
    new = Plan.of(folder, options, plan.command)
    cells = [cell.options for cell in new.cells()]
    unused = {name for one in cells for name in idle(one)}
    if not new.rateless and not any(one.lr_depth for one in cells):
        unused.add("lr_depth")
    return new_study_command(
        folder, {name: value for name, value in options.items() if name not in unused}, settings
    )


def slower(plan: Plan, settings: Mapping[str, Any]) -> str:
    """The command of a new study at half the rate, "" if the study has no single rate."""
    return "" if plan.rate is None else anew(plan, settings, lr=plan.rate / 2)


def _union(plan: Plan, other: Plan, names: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    """The values that axes have in either plan; `auto` is no value of an axis."""
    found = {}
    for name in names:
        added = other.axes.get(name) or (other.options[name],)
        if AUTO not in added:
            found[name] = ascending((*plan.axes.get(name, ()), *added))
    return found


def _check_depths(plan: Plan, settings: Mapping[str, Any]) -> None:
    drawn = plan.options.get("init_depth")
    if drawn is None:
        return
    depths, remedy = plan.axes["depth"], ""
    if all(max(depths) in {depth << n for n in range(64)} for depth in depths):
        remedy = (
            "the cells that are there would need another start; a new study has all depths: "
            + quoted(anew(plan, settings, init_depth=None))
        )
    check_start(depths, drawn, remedy)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
