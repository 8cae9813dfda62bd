"""The provenance in pictures as other programs read it, and pictures without it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, ImageSequence


class Meta(HTMLParser):
    content = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "meta" and named.get("name") == "provenance":
            self.content = named["content"] or ""


def read_png(path: Path) -> str:
    with Image.open(path) as opened:
        return str(opened.text["Description"])


def read_svg(path: Path) -> str:
    name = "{http://purl.org/dc/elements/1.1/}description"
    (found,) = ElementTree.parse(path).iter(name)
    return found.text or ""


def read_pdf(path: Path) -> str:
    found = re.search(rb"/Subject \((.*)\)\n", path.read_bytes())
    assert found is not None
    return re.sub(rb"\\(.)", rb"\1", found[1]).decode("ascii")


def read_html(path: Path) -> str:
    parser = Meta()
    parser.feed(path.read_text())
    return parser.content


def read_grid(path: Path) -> str:
    ElementTree.parse(path)
    found = re.search(r"<!-- provenance: (.*) -->", path.read_text())
    assert found is not None
    return found[1]


def read_gif(path: Path) -> str:
    with Image.open(path) as opened:
        return bytes(opened.info["comment"]).decode("ascii")


READERS = {
    "png": read_png,
    "svg": read_svg,
    "pdf": read_pdf,
    "html": read_html,
    "vts": read_grid,
    "vti": read_grid,
    "gif": read_gif,
}


def bare(path: Path) -> list[bytes]:
    """What a picture shows: frames of pixels, or the text without the provenance."""
    if path.suffix in (".png", ".gif"):
        with Image.open(path) as opened:
            return [frame.convert("RGBA").tobytes() for frame in ImageSequence.Iterator(opened)]
    pattern = rb'<!-- provenance: .* -->\n|<meta name="provenance" content="[^"]*">'
    text, count = re.subn(pattern, b"", path.read_bytes())
    assert count == 1
    return [text]
