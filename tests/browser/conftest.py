from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.driving import FLAGS, Axe
from tests.conftest import skip


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A running Chromium."""
    if Axe is None:
        skip("playwright and axe", "python3 tools/env.py browser")
    chromium = request.getfixturevalue("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()
