"""Tables for notebooks."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """Return an HTML table; numbers have four digits, None and NaN are empty."""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell(v)}</td>' for v in row)}</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def facts(values: Mapping[str, Any], caption: str = "") -> str:
    """Return a table of names and values, without empty values."""
    rows = [(name, value) for name, value in values.items() if cell(value)]
    return table(("", ""), rows, caption)


def cell(value: Any) -> str:
    """Return one value as text of a page."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))
