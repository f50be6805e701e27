# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, driven by Playwright: a page opened from a file, with everything it asked for and complained of."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_SERIOUS = ("serious", "critical")


def chromium() -> str | None:
    """Return the browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Opened:
    """A page in the browser."""

    tab: Any
    url: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def shot(self, name: str) -> None:
        """Keep a screenshot where CARVEOUT_SHOTS says; nowhere without it."""
        folder = os.environ.get("CARVEOUT_SHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.tab.screenshot(path=str(Path(folder) / name), full_page=True)

    def first_paint(self) -> float:
        """Return how many milliseconds it took until there was something to see."""
        for _ in range(100):
            entries = self.tab.evaluate(
                "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)"
            )
            if entries:
                return float(entries[0])
            self.tab.wait_for_timeout(50)
        raise AssertionError("nothing was painted")

    def serious_faults(self) -> list[str]:
        """Return what axe finds that is serious or worse."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.tab).response["violations"]
        return [
            f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html'][:200]} ({len(fault['nodes'])})"
            for fault in found
            if fault["impact"] in _SERIOUS
        ]


@contextmanager
def launched() -> Iterator[Any]:
    """Start the browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, path: Path, *, width: int = 1200, height: int = 900) -> Iterator[Opened]:
    """Open a file in a window of its own."""
    context = browser.new_context(viewport={"width": width, "height": height})
    tab = context.new_page()
    there = Opened(tab, path.as_uri())

    def hear(message: Any) -> None:
        if message.type == "error":
            there.complaints.append(message.text)

    tab.on("console", hear)
    tab.on("pageerror", lambda error: there.complaints.append(str(error)))
    tab.on("request", lambda request: there.requests.append(request.url))
    tab.goto(there.url)
    yield there
    context.close()
