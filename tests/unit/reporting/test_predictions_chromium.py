"""The page of predictions in a real browser: what it shows for an address, and what its keys do."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from unit.reporting.predicted_questions import ARMS, EXAMPLES, HOSTILE
from unit.reporting.test_browse_chromium import POLICY, Shown, dump, press

from mindsmirror.reporting.browse_predictions import SCRIPTS, predictions_page

Open = Callable[..., Shown]

pytestmark = pytest.mark.browser


@pytest.fixture
def browse(tmp_path: Path) -> Open:
    """What the browser shows of the page: its address, and a script that is run on it."""

    def shown(script: str = "", **address: str) -> Shown:
        source = predictions_page("run", ARMS, EXAMPLES)
        if script:
            source = POLICY.sub("", source).replace("</body>", f"<script>{script}</script></body>")
        page = tmp_path / "page.html"
        page.write_text(source, encoding="utf-8")
        return Shown(dump(f"{page.as_uri()}#{urlencode(address)}", tmp_path / "profile"))

    return shown


def test_a_question_with_the_answers_of_each_arm_and_its_samples(browse: Open) -> None:
    page = browse()
    assert page.by_id["count"] == "Question 1 of 3"
    assert page.by_class["question"] == ["How many pens?"] and page.by_class["gold"] == ["gold 3"]
    assert page.by_class["who"] == [
        "✗ predict wrong",
        "✗ think wrong",
        "✓ mirror right",
        "✗ sample 0 wrong",
        "✓ sample 1 right",
    ]
    assert page.by_class["said"] == ["its verdict: wrong p of correct 0.12", "its verdict: correct p of correct 0.90"]
    assert page.by_class["agrees"] == ["its verdict: wrong", "its verdict: correct"]
    assert "confidence 0.75" in page.by_class["sure"] and "share of votes 0.25" in page.by_class["sure"]
    assert "cot, mode mirror, right: 2 questions" in page.labels


def test_filters_are_in_the_address(browse: Open) -> None:
    wrong = browse(arm="1", mode="mirror", right="wrong")
    assert wrong.by_id["count"] == "Question 1 of 1 that fit, 3 in all"
    assert wrong.attributes["here"]["href"] == "#q=third&arm=1&mode=mirror&right=wrong"
    assert wrong.by_class["fits"][0].startswith("✗ mirror wrong") and len(wrong.by_class["fits"]) == 1
    assert len(wrong.by_class["arm-part"]) == 1, "the other arm is not shown"
    assert browse(differ="mirror>think").attributes["here"]["href"] == "#q=first&differ=mirror%3Ethink"
    assert browse(differ="any").by_id["count"] == "Question 1 of 2 that fit, 3 in all"
    assert browse(abstained="yes").by_id["count"] == "Question 1 of 1 that fit, 3 in all"
    assert browse(arm="7", mode="x", differ="y").by_id["count"] == "Question 1 of 3"
    assert browse(search="cats six").attributes["here"]["href"] == "#q=third&search=cats+six"


def test_keys(browse: Open) -> None:
    assert browse(press("2", "m")).attributes["here"]["href"] == "#q=first&mode=predict&right=wrong"
    assert browse(press("d", "j")).attributes["here"]["href"] == "#q=third&differ=any"
    assert browse(press("a")).attributes["here"]["href"] == "#q=third&abstained=yes"
    assert browse(press("d", "1", "a", "0")).by_id["count"] == "Question 3 of 3", "it stays where it is"


def test_hostile_text_is_shown_as_text(browse: Open) -> None:
    page = browse(q="second")
    assert page.by_class["question"] == [HOSTILE] and "img" not in page.tags
    assert page.tags.count("script") == 1 + len(SCRIPTS)
