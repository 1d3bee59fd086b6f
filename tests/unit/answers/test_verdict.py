import pytest

from mindsmirror.answers import read_verdict
from mindsmirror.records import Verdict


@pytest.mark.parametrize(
    ("text", "verdict", "critique"),
    [
        ("All adds up.\n\nEvaluation result: the given answer is correct.", Verdict.CORRECT, "All adds up."),
        (
            "It is correct to add.\nEvaluation result: the given answer is incorrect.",
            Verdict.WRONG,
            "It is correct to add.",
        ),
        ("It adds.\nIt is not correct.", Verdict.WRONG, "It adds."),
        ("It adds.\nIt isn’t right.", Verdict.WRONG, "It adds."),
        ("It adds.\nThe answer is not entirely accurate.", Verdict.WRONG, "It adds."),
        (
            "It adds. Everything is wrong there. The answer is right",
            Verdict.CORRECT,
            "It adds. Everything is wrong there.",
        ),
        ("I cannot determine whether it is correct.", Verdict.UNCERTAIN, ""),
        ("Hm.\nEvaluation result: uncertain.", Verdict.UNCERTAIN, "Hm."),
        ("Hm.\n**Verdict:** **wrong**", Verdict.WRONG, "Hm."),
        ("Hm.\n**Verdict:**\nCorrect", Verdict.CORRECT, "Hm."),
        ("Hm.\nEvaluation result: correct.\nThanks for asking!", Verdict.CORRECT, "Hm.\nThanks for asking!"),
        ("Hm. The given answer is wrong because the correct sum is 5.", Verdict.WRONG, "Hm."),
        ("Hm. The given answer is not wrong.", Verdict.CORRECT, "Hm."),
    ],
)
def test_the_result_line_decides(text: str, verdict: Verdict, critique: str) -> None:
    assert read_verdict(text) == (verdict, critique)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is correct.\nThat was all.",
        "partially correct",
        "Evaluation result: correct or wrong?",
        "neither correct nor wrong",
    ],
)
def test_no_clear_verdict_is_unparsed_and_loses_nothing(text: str) -> None:
    assert read_verdict(text) == (Verdict.UNPARSED, text)
