"""The interactive page in a real browser without a network: it draws, and it asks for nothing."""

import functools
import http.server
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from resdepth.figures.interactive import save_html
from resdepth.figures.surface_values import saturate

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

# Says what happened in the title: errors of the console, then the switch pressed in either way.
WATCH = """
<script>
const errors = [];
window.addEventListener("error", event => errors.push(event.message));
const say = console.error;
console.error = (...words) => { errors.push(words.join(" ")); say(...words); };
window.addEventListener("load", () => setTimeout(() => {
  const box = document.getElementById("surface");
  const shown = () => box.data.map(trace => trace.visible === true).join();
  const before = shown();
  Plotly.update(box, ...box.layout.updatemenus[0].buttons[1].args).then(() => {
    const kinds = box.data.map(trace => trace.type).join();
    document.title = ["drawn", kinds, before, shown(), errors.join(";")].join("|");
  });
}, 300));
</script>
"""


class Recorder(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and keeps the paths that were asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def browser() -> str:
    """A browser that runs without a display."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is installed")
    return found


@pytest.mark.long
def test_it_draws_turns_its_scale_and_fetches_nothing(browser, descent, tmp_path: Path) -> None:
    save_html(saturate(descent, None, False), tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    (tmp_path / "watched.html").write_text(page.replace("<head>", f"<head>{WATCH}", 1))
    handler = functools.partial(type("Here", (Recorder,), {"asked": []}), directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/watched.html"
        ended = subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--use-gl=angle",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                f"--user-data-dir={tmp_path / 'profile'}",
                "--virtual-time-budget=20000",
                "--dump-dom",
                address,
            ],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        server.shutdown()
    title = re.search(r"<title>(drawn[^<]*)</title>", ended.stdout)
    assert title, ended.stderr[-2000:]
    _, kinds, before, after, errors = title.group(1).split("|")
    assert kinds == ",".join(["surface", *["scatter3d"] * 3] * 2)
    assert before == ",".join(["true"] * 4 + ["false"] * 4)
    assert after == ",".join(["false"] * 4 + ["true"] * 4)
    assert errors == ""
    assert handler.func.asked == ["/watched.html"]
