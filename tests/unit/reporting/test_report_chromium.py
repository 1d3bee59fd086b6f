"""The report in a real browser: nothing is wider than the window, on a desk or on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Page, chromium

from mindsmirror.reporting.page import render
from mindsmirror.reporting.schema import Report

pytestmark = pytest.mark.browser

SCROLLED = """JSON.stringify([...document.querySelectorAll("body *")]
    .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX === "auto")
    .map((each) => each.getAttribute("aria-label") ?? each.className))"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_scrolled_sideways(page: Page, full_report: Report, tmp_path: Path, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(full_report), encoding="utf-8")
    page.look(width)
    page.open(path.as_uri())
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value(SCROLLED) == "[]"
    labels = page.value("document.querySelector('.cards td:nth-child(2)').dataset.label")
    assert labels and not page.faults
