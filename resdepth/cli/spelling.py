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
    args = _replaced(_separation(list(_sources(_renamed(args, name), sources))), name)
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


def _sources(args: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    for token in args:
        name, equals, value = token.partition("=")
        if name not in names:
            yield token
        elif equals:
            yield value


def _separation(args: list[str]) -> list[str]:
    # `--data.c` was the separation of one data module and the target of the other.
    constant = "--data=constant" in args or ("--data", "constant") in pairwise(args)
    name = "--target-value" if constant else "--separation"
    return [re.sub(r"^--data\.c(?==|$)", name, token) for token in args]


def _replaced(args: list[str], command: str) -> list[str]:
    """Options that another one replaces: `--pos-x i --pos-y j` is `--pos i,j`, `--no-p-var` is
    `--p-var-every 0`, and `--by-run` is `--out OUT/{run}`."""
    row, args = _taken(args, "--pos-x")
    column, args = _taken(args, "--pos-y")
    if row is not None or column is not None:
        args = [*args, f"--pos={row or ''},{column or ''}"]
    never, args = _switched(args, "--no-p-var")
    args = [*args, "--p-var-every=0"] if never else args
    by_run, args = _switched(args, "--by-run") if command == "export" else (False, args)
    if by_run:
        out, args = _taken(args, "--out")
        args = [*args, f"--out={out or 'exported_models'}/{{run}}"]
    return args


def _taken(args: list[str], name: str) -> tuple[str | None, list[str]]:
    """The value of the option `name`, None without it, and the other arguments."""
    for at, token in enumerate(args):
        flag, equals, value = token.partition("=")
        if flag == name:
            following = "".join(args[at + 1 : at + 2])
            end = at + 1 if equals else at + 2
            return value if equals else following, args[:at] + args[end:]
    return None, args


def _switched(args: list[str], name: str) -> tuple[bool, list[str]]:
    """Whether the boolean option `name` is switched on, and the other arguments."""
    given = [token for token in args if token.partition("=")[0] == name]
    return bool(given) and _truth(given[-1]), [token for token in args if token not in given]


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
    out, _ = _taken(args, "--out")
    return [*args[:at], f"--resume={out}", *args[at + 1 :]] if out else args
