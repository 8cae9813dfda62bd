"""Errors compared with the line that the terminal shows, where fields are spelt as flags."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from resdepth.cli.console import line
from resdepth.errors import ResdepthError


@contextmanager
def refused(
    kind: type[ResdepthError] | tuple[type[ResdepthError], ...], match: str = ""
) -> Iterator[pytest.ExceptionInfo[ResdepthError]]:
    """Expect an error whose line on the terminal matches."""
    with pytest.raises(kind) as raised:
        yield raised
    shown = line(raised.value)
    assert re.search(match, shown), shown
