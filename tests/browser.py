"""A real headless Chromium for tests of pages; Debian's ``chromium`` and ``chromium-driver``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

#: A browser without a network of its own: nothing is looked up, updated or synchronised.
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip


@contextmanager
def chromium(width: int = 1200, height: int = 1000) -> Iterator[Any]:
    """A browser window of the given size in pixels."""
    driver = shutil.which("chromedriver")
    assert driver, "install Debian's chromium and chromium-driver (see .ci/run)"
    with tempfile.TemporaryDirectory(prefix="netsim-browser-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        for argument in (*ARGUMENTS, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield browser
        finally:
            browser.quit()


def open_report(browser: Any, path: Path) -> None:
    """Open a report and wait until its explorer has drawn."""
    browser.get(path.resolve().as_uri())
    WebDriverWait(browser, 30).until(
        lambda own: own.execute_script("return document.body.dataset.ready") == "yes"
    )


def errors(browser: Any) -> list[str]:
    """What the console has of errors."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
