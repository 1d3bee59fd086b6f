"""Chromium without a window, told what to do through a pipe by its own protocol (DevTools)."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
"""Flags of a browser that shows no window and asks nobody anything."""
SECONDS = 60.0
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9}


class Page:
    """One page; `requests` are the addresses that it asked for, `faults` what its scripts and policy complained of."""

    def __init__(self, told: int, heard: int) -> None:
        self._told, self._heard = told, heard
        self._rest, self._number, self._session = b"", 0, ""
        self.requests: list[str] = []
        self.faults: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **fields: Any) -> Any:
        """The result of a command; AssertionError if the browser refuses it."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": fields}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._told, json.dumps(message).encode() + b"\0")
        limit = time.monotonic() + SECONDS
        while True:
            found = self._next(limit)
            if found.get("id") == self._number:
                assert "error" not in found, found["error"]
                return found["result"]
            self._note(found)

    def open(self, address: str) -> None:
        """Go to an address, also if only what is behind its # differs from this one's."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        there = json.dumps(address.partition("#")[0])
        self.until(f"location.href.startsWith({there}) && document.readyState === 'complete'")

    def value(self, script: str) -> Any:
        """What a script comes to; the page's policy does not concern it."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait for a condition in the page's terms; TimeoutError if it does not come to that."""
        limit = time.monotonic() + SECONDS
        while not self.value(f"Boolean({condition})"):
            if time.monotonic() > limit:
                raise TimeoutError(f"{condition}; the page shows {self.value('document.body.innerText')!r}")
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """The text of the first element that is selected."""
        found: str = self.value(f"document.querySelector({json.dumps(selector)}).textContent")
        return found

    def type(self, text: str) -> None:
        """Write into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press a key and let it go; the modifier 8 is Shift."""
        code = KEYS.get(key, ord(key[0].upper()))
        told = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        letters = {"text": "\r" if key == "Enter" else key} if key not in ("Escape", "Tab") else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **told, **letters)
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def look(self, width: int, height: int = 900, scheme: str = "light") -> None:
        """Take on a size and a colour scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path: Path) -> None:
        """A screenshot of the whole page as PNG."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(b64decode(taken["data"]))

    def _note(self, event: dict[str, Any]) -> None:
        method, fields = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(fields["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(fields["exceptionDetails"]))
        elif method == "Log.entryAdded" and fields["entry"]["source"] in ("security", "javascript"):
            self.faults.append(fields["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.faults.append(f"a dialog: {fields['message']}")
            raise AssertionError(self.faults[-1])

    def _next(self, limit: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self._heard], [], [], left)[0]:
                raise TimeoutError("the browser says nothing")
            piece = os.read(self._heard, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has ended")
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A page of a browser of its own; it is ended afterwards."""
    assert BROWSER is not None, "there is no Chromium"
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # The browser reads from 3 and writes to 4: neither may be one of the pipes' own numbers.
    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 20) for each in (theirs_in, theirs_out)]
    os.close(theirs_in)
    os.close(theirs_out)

    def connect() -> None:
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    command = [BROWSER, *QUIET, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(command, preexec_fn=connect, close_fds=False, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: PLW1509
    for each in high:
        os.close(each)
    try:
        yield Page(ours_out, ours_in)
    finally:
        started.terminate()
        started.wait(30)
        os.close(ours_out)
        os.close(ours_in)
