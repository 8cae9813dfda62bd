"""Tables of HTML, read back."""

from xml.etree import ElementTree


def cells(page: str) -> tuple[list[str], list[list[str]]]:
    """The head of a table and its rows, as text."""
    table = ElementTree.fromstring(page)
    head = ["".join(cell.itertext()) for cell in table.iter("th")]
    body = table.find("tbody")
    assert body is not None
    return head, [["".join(cell.itertext()) for cell in row] for row in body]
