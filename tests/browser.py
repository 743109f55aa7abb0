"""Chromium without a window, told what to do in the words of the DevTools protocol, through a pipe."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium")
SECONDS = 60.0
# the browser reads from 3 and writes to 4
_START = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)


class Browser:
    """One page of one browser, which keeps everything that it says. ``folder`` takes the browser's profile."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAM is not None
        read, self._write = os.pipe()
        self._read, write = os.pipe()
        # not 3 or 4, which the child needs free
        given = [os.dup(end) for end in (read, write)]
        while min(given) < 5:
            given = [os.dup(end) for end in given]
        command = [sys.executable, "-c", _START, *map(str, given), PROGRAM, *_OPTIONS, f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(
            command, pass_fds=given, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for end in (read, write, *given):
            os.close(end)
        self._rest = b""
        self._last = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                assert "error" not in answer, f"{method}: {answer}"
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready = select.select([self._read], [], [], max(end - time.monotonic(), 0))[0]
            assert ready, "the browser says nothing"
            data = os.read(self._read, 1 << 20)
            assert data, "the browser has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    def open(self, path: Path) -> float:
        """Opens a file; how many seconds it took until the page's load event had been handled."""
        self.open_quietly(path)
        return float(self.run("performance.timing.loadEventEnd - performance.timing.navigationStart")) / 1000

    def open_quietly(self, path: Path) -> None:
        """Opens a file and asks its scripts nothing."""
        self.events.clear()
        self.tell("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def look(self, width: int, scheme: str = "light", medium: str = "") -> None:
        """The width of the window in pixels, the colour scheme, and the medium (``print``)."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.tell("Emulation.setEmulatedMedia", media=medium, features=features)

    def press(self, key: str, code: str = "", text: str = "") -> None:
        """One key, pressed and released."""
        keys = {"Tab": 9, "Enter": 13, " ": 32, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}
        known = {"key": key, "code": code or key, "windowsVirtualKeyCode": keys.get(key, 0)}
        said = text or {"Enter": "\r", " ": " "}.get(key, "")
        self.tell("Input.dispatchKeyEvent", type="keyDown", **known, **({"text": said} if said else {}))
        self.tell("Input.dispatchKeyEvent", type="keyUp", **known)

    def type(self, text: str) -> None:
        for letter in text:
            self.press(letter, text=letter)

    def picture(self, path: Path, height: int = 0) -> None:
        """A PNG of the window, or of the page down to ``height`` pixels."""
        size = self.tell("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height or 900), "scale": 1}
        answer = self.tell("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(answer["data"]))

    def paper(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self.tell("Page.printToPDF", printBackground=False)["data"])

    def complaints(self) -> Sequence[str]:
        """What stands in the console, exceptions, and requests for anything but the page."""
        found = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}:
                found.append(json.dumps(parameters))
            elif method == "Network.requestWillBeSent" and parameters.get("type") != "Document":
                found.append(f"request: {parameters['request']['url'][:200]}")
        return found
