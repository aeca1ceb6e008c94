"""A headless Chromium, driven by Selenium through the chromedriver of the system: nothing is downloaded.

What WebDriver has no word for (a dark screen, a phone, a page without scripts) is said in Chromium's own protocol,
which Selenium passes on.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = ", ".join(
    what
    for what, found in (("chromium", CHROMIUM), ("chromium-driver", DRIVER), ("selenium", find_spec("selenium")))
    if not found
)
"""What is not here, to say why a test is skipped; empty where everything is."""
_LIMIT_S = 30
_HARMLESS = {"DEBUG", "INFO"}


class Tab:
    """One page. `trouble` holds what went to the console as error or warning; `fetched` what was asked of a network."""

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver

    @property
    def trouble(self) -> list[str]:
        """Since the page was opened, or this was last asked."""
        return [str(entry)[:500] for entry in self._driver.get_log("browser") if entry["level"] not in _HARMLESS]

    @property
    def fetched(self) -> list[str]:
        """Since the page was opened, or this was last asked."""
        messages = [json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance")]
        sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("file:", "data:", "chrome:"))]

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file from disk and wait until it has loaded."""
        mobile = width < 500
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if mobile else 1, "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        for log in ("browser", "performance"):  # what an earlier page left there is not this one's
            self._driver.get_log(log)
        self._driver.get(path.resolve().as_uri())

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Keys, one after another, for the element that has the focus."""
        self._driver.switch_to.active_element.send_keys(*keys)

    def point(self, x: float, y: float) -> None:
        """The pointer, to a place in the window."""
        from selenium.webdriver.common.action_chains import ActionChains

        chain = ActionChains(self._driver)
        chain.w3c_actions.pointer_action.move_to_location(round(x), round(y))
        chain.perform()

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """The page as PNG."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of Chromium's protocol, and its answer."""
        return dict(self._driver.execute_cdp_cmd(method, parameters))


@contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """A browser of its own, with one tab; it is ended with the block."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options, Service(str(DRIVER)))
    try:
        driver.set_page_load_timeout(_LIMIT_S)
        driver.set_script_timeout(_LIMIT_S)
        yield Tab(driver)
    finally:
        driver.quit()
