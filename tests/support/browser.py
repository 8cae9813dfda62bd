"""A page in a real browser without a window: what it fetches, complains of, and how wide it is.

Speaks the protocol of Chromium's developer tools over two pipes.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = next((path for name in NAMES if (path := shutil.which(name))), None)
needs_browser = pytest.mark.skipif(FOUND is None, reason="no chromium here")

MEASURE = """JSON.stringify({
  page: document.documentElement.scrollWidth,
  window: window.innerWidth,
  pictures: [...document.images].map(i => [i.complete && i.naturalWidth > 0, i.clientWidth]),
  dangling: [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1))
    .filter(id => !document.getElementById(id)),
})"""


@dataclass
class Look:
    """What a page did at one width; `pictures` are whether each is drawn and its width."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    page: int = 0
    window: int = 0
    pictures: list[tuple[bool, int]] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)
    shot: bytes = b""


class Browser:
    """A browser and one tab of it."""

    def __init__(self, process: "subprocess.Popen[bytes]", send: int, receive: int) -> None:
        self.process, self.number, self.rest = process, 0, b""
        self.pipe, self.answers = send, receive
        self.events: list[dict[str, Any]] = []
        self.session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something, and wait for the answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.pipe, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            part = os.read(self.answers, 1 << 16)
            assert part, "the browser has ended"
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\0")
        return dict(json.loads(line))

    def until(self, method: str) -> None:
        """Wait for an event that has not been there yet."""
        while all(event.get("method") != method for event in self.events):
            self.events.append(self._next())

    def look(self, page: Path, width: int, height: int = 900) -> Look:
        """Open a page in a window of this size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.events = []
        self.call("Page.navigate", url=page.absolute().as_uri())
        self.until("Page.loadEventFired")
        found = Look(**json.loads(self.evaluate(MEASURE)))
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        found.shot = base64.b64decode(shot["data"])
        for event in self.events:
            told = event.get("params", {})
            if event["method"] == "Network.requestWillBeSent":
                found.requests.append(told["request"]["url"])
            if event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                found.complaints.append(str(told))
            if event["method"] == "Log.entryAdded":
                found.complaints.append(str(told["entry"]))
        return found

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.call("Runtime.evaluate", expression=expression)["result"]["value"]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile in `profile`, as long as the context lasts."""
    assert FOUND is not None
    (told, ours), (answers, printed) = os.pipe(), os.pipe()
    # The browser takes what it is told from descriptor 3 and answers on 4.
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (told, printed)]
    shell = f'exec "$0" "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    options += [f"--user-data-dir={profile}", "--no-first-run", "--hide-scrollbars", "about:blank"]
    process = subprocess.Popen(
        ["bash", "-c", shell, FOUND, *options],
        pass_fds=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (told, printed, *theirs):
        os.close(end)
    try:
        yield Browser(process, ours, answers)
    finally:
        process.terminate()
        process.wait()
        os.close(ours)
        os.close(answers)
