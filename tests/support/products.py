"""Products of parameters of which the default run takes a part."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest


def products(**axes: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrize with every combination; all but a few that have every value are long."""
    values = [list(axis) for axis in axes.values()]
    count = max(map(len, values))
    kept = [tuple(axis[i % len(axis)] for axis in values) for i in range(count)]
    cases = [
        pytest.param(*case, marks=() if case in kept else pytest.mark.long, id=_name(case))
        for case in product(*values)
    ]
    return pytest.mark.parametrize(tuple(axes), cases)


def _name(case: tuple[Any, ...]) -> str:
    return "-".join(str(value).removeprefix("torch.").replace(" ", "_") for value in case)
