"""Tables as notebooks show them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """An HTML table; numbers with four digits, None and NaN as nothing."""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell(v)}</td>' for v in row)}</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def facts(values: Mapping[str, Any], caption: str = "") -> str:
    """A table of names and values, without what has no value."""
    rows = [(name, value) for name, value in values.items() if cell(value)]
    return table(("", ""), rows, caption)


def cell(value: Any) -> str:
    """One value as text of a page."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))
