"""A server with the baseline model, and Chromium; the tests skip where there is no browser."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Watched:
    """A page, with all that must not happen on it."""

    page: Any
    base: str
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.base + path)

    def axe(self, only: Sequence[str] = ()) -> list[str]:
        """What axe finds wrong, rule and elements; of all rules of WCAG 2.2 A and AA and good practice, or of some."""
        self.page.evaluate("document.getAnimations().forEach(a => a.finish())")
        # through the debugger, which no Content-Security-Policy of the page holds for
        self.page.evaluate(AXE.read_text(encoding="utf8"))
        found = self.page.evaluate(
            "([type, values]) => axe.run(document, {runOnly: {type, values}, resultTypes: ['violations']})",
            ["rule", list(only)] if only else ["tag", _RULES],
        )
        return [
            f"{v['id']} ({v['impact']}): {'; '.join(n['html'][:160] for n in v['nodes'][:4])}"
            for v in found["violations"]
        ]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The workbench on a port of the loopback."""
    import uvicorn  # noqa: PLC0415
    from web_fixtures import settings  # noqa: PLC0415

    from pipeline.web.app import create_app  # noqa: PLC0415

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    app = create_app(settings(tmp_path_factory.mktemp("web"), port=port))
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    end = time.monotonic() + 60
    while not running.started and thread.is_alive() and time.monotonic() < end:
        time.sleep(0.05)
    assert running.started, "the server did not start"
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    sync = pytest.importorskip("playwright.sync_api")
    told = os.environ.get("SPUR_CHROMIUM")
    path = told or next((found for n in _NAMES if (found := shutil.which(n))), None)
    if path is None:
        pytest.skip("no Chromium here (set SPUR_CHROMIUM)")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, chromium_sandbox=False, args=["--lang=sv"], timeout=60_000
        )
        yield browser
        browser.close()


Opened = Callable[..., Watched]


@pytest.fixture
def opened(chromium: Any, server: str) -> Iterator[Opened]:
    """Opens pages, each of a new visitor, and fails where one had errors or asked another host for anything."""
    pages: list[tuple[Any, Watched]] = []

    def new(**options: Any) -> Watched:
        context = chromium.new_context(
            locale="sv-SE", reduced_motion="reduce", **{"viewport": {"width": 1300, "height": 900}, **options}
        )
        context.set_default_timeout(15_000)
        watched = Watched(context.new_page(), server)
        _watch(watched)
        pages.append((context, watched))
        return watched

    yield new
    faults = [f for _, w in pages for f in w.faults]
    for context, _ in pages:
        context.close()
    assert not faults, faults


def _watch(watched: Watched) -> None:
    own = urlsplit(watched.base).netloc

    def asked(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != own:
            watched.faults.append(f"a request to {request.url}")

    def said(message: Any) -> None:
        refused = "status of 4" in message.text  # a refusal that the test asked for
        if message.type in ("error", "warning") and not refused:
            watched.faults.append(f"console: {message.text}")

    watched.page.on("request", asked)
    watched.page.on("console", said)
    watched.page.on("pageerror", lambda e: watched.faults.append(f"script: {e}"))
