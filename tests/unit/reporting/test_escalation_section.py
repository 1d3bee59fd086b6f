"""What a report says and draws of questions that are sent to the teacher."""

from mindsmirror.evaluation.escalation import Asked, escalation
from mindsmirror.reporting.escalation_plot import escalation_plot
from mindsmirror.reporting.escalation_section import EscalationReport, escalation_told, sent_rows


def report(*, promised: bool) -> EscalationReport:
    """Forty questions: the student has the surer half right, the teacher the other half."""
    asked = [Asked(number / 40, number >= 20, number < 20, number < 8, 100, None) for number in range(40)]
    found = escalation(asked, promised=promised)
    assert found is not None
    return EscalationReport(arm="<m>", mode="mirror", **found.model_dump())


def test_sentences() -> None:
    told = escalation_told(report(promised=False))
    assert 'arm "<m>" alone 50.0 %, the teacher alone 50.0 % answer right in mode mirror' in told
    assert "with its least sure quarter sent to the teacher (10 of 40) it is 75.0 %, 25.0 points more (" in told
    told = escalation_told(report(promised=True))
    assert "with what it abstains from sent to the teacher (8 of 40) it is 70.0 %, 20.0 points more (" in told


def test_rows() -> None:
    rows = [(sent.calls, what) for sent, what in sent_rows(report(promised=True))]
    assert rows == [
        (0, "none"),
        (4, "least sure 10.0 %"),
        (10, "least sure 25.0 %"),
        (20, "least sure 50.0 %"),
        (40, "all"),
        (8, "what it abstains from"),
    ]
    assert len(sent_rows(report(promised=False))) == 5


def test_plot() -> None:
    drawn = escalation_plot([report(promised=False)], 340, "narrow")
    assert drawn.count("<polyline") == 2 and 'class="curve at-random"' in drawn and 'class="curve mode-mirror"' in drawn
    assert "<m>" not in drawn and "&lt;m&gt;" in drawn
    # From the student alone to the best of both, at half of the questions, to the teacher alone.
    [line] = [part for part in drawn.split("<polyline") if "mode-mirror" in part]
    heights = [float(point.split(",")[1]) for point in line.split('points="')[1].split('"')[0].split()]
    assert min(heights) == heights[len(heights) // 2] < heights[0] == heights[-1]
    assert escalation_plot([], 340, "narrow") == ""
