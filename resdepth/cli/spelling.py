"""One table that turns the thesis's option names and values into ours before they are parsed.

Underscores and dashes are equal in option names, booleans take `=true` and `=false`, and a bare
`--resume` means the folder of `--out`. Values are never touched but for the names in the table.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from typing import Any

from resdepth.errors import Usage

SAME = {
    "model": "alpha gamma lr init activation augmentation input-size classes p-var dynamic-lr "
    "store-grad",
    "data": "num-workers num-samples batch-size data-dir",
}
"""Old option names that only lost their prefix."""
NAMES = {
    **{f"--{old}.{name}": f"--{name}" for old, names in SAME.items() for name in names.split()},
    "--L": "--depth",
    "--seed-everything": "--seed",
    "--minutes": "--time",
    "--eval-every": "--val-every",
    "--limit-train": "--train-fraction",
    "--model.L": "--depth",
    "--model.dim": "--width",
    "--model.p-loss": "--loss-p",
    "--data.training-data-percentage": "--train-fraction",
    "--trainer.max-epochs": "--epochs",
    "--trainer.default-root-dir": "--out",
    "--trainer.accelerator": "--device",
    "--trainer.log-every-n-steps": "--log-every",
    "--trainer.check-val-every-n-epoch": "--val-every",
}
"""Old option names (underscores as dashes) and ours."""

DOTTED = "resdepth.dotted"
"""Entry of a context with the fields that were given in an old spelling with a dot."""

VALUES = {
    "--model": {"ClassificationModel": "classification", "RegressionModel": "regression"},
    "--data": {
        "MNISTDataModule": "mnist",
        "CIFAR10DataModule": "cifar10",
        "SinDataModule": "sin",
        "ConstantDataModule": "constant",
    },
}
"""Old values, by our option name."""

SOURCES = ("--dir-path", "--event-paths", "--config-path", "--checkpoint-path")
"""Old options whose values are now given as they are: what a command is to look at."""
STUDY = "study run"
"""The command in which `--out` is such an option too."""

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_FIELD = re.compile(r"`([a-z_]+)([= ][^`]*)?`")


@cache
def _flags() -> dict[str, str]:
    """How the command line spells each field of any options class."""
    # Not at the start: --help needs no pydantic.
    from resdepth import options
    from resdepth.options.base import Options, flag_of

    found: dict[str, str] = {}
    for module in iter_modules(options.__path__):
        for model in vars(import_module(f"{options.__name__}.{module.name}")).values():
            if isinstance(model, type) and issubclass(model, Options):
                found |= {name: flag_of(model, name) for name in model.fields()}
    return found


def spell(text: str) -> str:
    """The text with flags in place of the fields of options, which it has between backticks."""

    def flag(found: re.Match[str]) -> str:
        name = _flags().get(found[1])
        return found[0] if name is None else f"{name}{found[2] or ''}"

    return _FIELD.sub(flag, text)


def spell_field(field: str) -> str:
    """The flag of a field, also in "engine=cuda"; any other name as it is."""
    name, equals, value = field.partition("=")
    return f"{_flags().get(name, name)}{equals}{value}"


def rewrite(command: Any, args: list[str], name: str) -> list[str]:
    """The arguments of `command`, whose words are `name`, in our spelling.

    Raises Usage for a dotted option that is not in the table, and for a boolean that is neither
    true nor false.
    """
    if "--" in args:
        end = args.index("--")
        return [*rewrite(command, args[:end], name), *args[end:]]
    sources = (*SOURCES, "--out") if name == STUDY else SOURCES
    words = [token.partition("=") for token in _renamed(args, name)]
    args = [
        value if flag in sources else f"{flag}{equals}{value}"
        for flag, equals, value in words
        if equals or flag not in sources
    ]
    # `--data.c` was the separation of one data module and the target of the other.
    constant = "--data=constant" in args or ("--data", "constant") in pairwise(args)
    c = "--target-value" if constant else "--separation"
    args = [re.sub(r"^--data\.c(?==|$)", c, token) for token in args]
    _replace(args, name)
    return _bare_resume(command, [part for token in args for part in _boolean(command, token)])


def dotted(args: Iterable[str]) -> set[str]:
    """The fields, by our names, that `args` give in an old spelling with a dot."""
    names = {token.partition("=")[0].replace("_", "-") for token in args}
    found = {NAMES[name] for name in names if "." in name and name in NAMES}
    found |= {"--separation", "--target-value"} if "--data.c" in names else set()
    return {name[2:].replace("-", "_") for name in found}


def _renamed(args: list[str], command: str) -> Iterator[str]:
    previous = ""
    for token in args:
        if not token.startswith("--"):
            yield VALUES.get(previous, {}).get(token, token)
            previous = ""
            continue
        name, equals, value = token.partition("=")
        name = name.replace("_", "-")
        name = NAMES.get(name, name)
        if "." in name and name != "--data.c":
            remedy = f"see 'resdepth {command} --help' for the options"
            raise Usage(name, "no such option in the old spelling either", remedy)
        previous = "" if equals else name
        yield f"{name}{equals}{VALUES.get(name, {}).get(value, value)}"


def _replace(args: list[str], command: str) -> None:
    """Replace options: `--pos-x i --pos-y j` is now `--pos i,j`, `--no-p-var` is `--p-var-every 0`,
    and `--by-run` is `--out OUT/{run}`."""
    row, column = _take(args, "--pos-x"), _take(args, "--pos-y")
    if row is not None or column is not None:
        args.append(f"--pos={row or ''},{column or ''}")
    if _take_switch(args, "--no-p-var"):
        args.append("--p-var-every=0")
    if command == "export" and _take_switch(args, "--by-run"):
        args.append(f"--out={_take(args, '--out') or 'exported_models'}/{{run}}")


def _take(args: list[str], name: str) -> str | None:
    """Remove the option `name`; its value, None without it."""
    for at, token in enumerate(args):
        flag, equals, value = token.partition("=")
        if flag == name:
            given = "".join(args[at + 1 : at + 2])
            del args[at : at + 1 if equals else at + 2]
            return value if equals else given
    return None


def _take_switch(args: list[str], name: str) -> bool:
    """Remove the boolean option `name`; whether it is switched on."""
    given = [token for token in args if token.partition("=")[0] == name]
    args[:] = [token for token in args if token not in given]
    return bool(given) and _truth(given[-1])


def _truth(token: str) -> bool:
    """Whether a boolean option is switched on."""
    name, equals, value = token.partition("=")
    if equals and value.lower() not in TRUE + FALSE:
        raise Usage(name, f"should be true or false, not '{value}'")
    return not equals or value.lower() in TRUE


def _boolean(command: Any, token: str) -> list[str]:
    name, equals, _ = token.partition("=")
    flags = [one for one in command.params if getattr(one, "is_flag", False)]
    for one in flags if equals else ():
        if name in (*one.opts, *one.secondary_opts):
            on = _truth(token) == (name in one.opts)
            return list((one.opts if on else one.secondary_opts)[:1])
    return [token]


def _bare_resume(command: Any, args: list[str]) -> list[str]:
    """`--resume` without a value means the folder of `--out`, if the command takes one."""
    takes_path = any(
        "--resume" in one.opts and not getattr(one, "is_flag", True) for one in command.params
    )
    if not takes_path or "--resume" not in args:
        return args
    at = args.index("--resume")
    if at + 1 < len(args) and not args[at + 1].startswith("-"):
        return args
    out = _take(list(args), "--out")
    return [*args[:at], f"--resume={out}", *args[at + 1 :]] if out else args
