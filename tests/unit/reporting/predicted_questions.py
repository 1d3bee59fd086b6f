"""Two arms on three test questions, one of them hostile, for the page of predictions."""

from typing import Any

from mindsmirror.records import Example, Mode, Prediction, Sample
from mindsmirror.reporting.accuracy_section import ArmPredictions

HOSTILE = "</script><!--<script><img src=x onerror=\"document.title='owned'\">&lt;&amp;"
EXAMPLES = [
    Example(id="first", text="How many pens?", gold="3"),
    Example(id="second", text=HOSTILE, gold="4"),
    Example(id="third", text="How many cats?", gold="5", choices={"A": "five", "B": "six"}),
]


def answered(example: str, mode: Mode, answer: str | None, right: bool | None, **more: Any) -> Prediction:
    return Prediction(example=example, mode=mode, answer=answer, right=right, **more)


def _cot(example: Example, think: str, mirror: str, **more: Any) -> tuple[Prediction, Prediction]:
    gold = example.gold
    samples = (
        Sample(text=f"So {think}.", answer=think, right=think == gold, p_correct=0.12346),
        Sample(text=f"So {mirror}.", answer=mirror, right=mirror == gold, p_correct=0.9, confidence=0.8),
    )
    thought = answered(
        example.id, "think", think, think == gold, rationale=f"So {think}.", confidence=0.25, tokens=9, **more
    )
    chosen = answered(
        example.id, "mirror", mirror, mirror == gold, confidence=0.75, calibrated=True, tokens=18, samples=samples
    )
    return thought, chosen


_SAID = [_cot(EXAMPLES[0], "2", "3"), _cot(EXAMPLES[1], "4", "4"), _cot(EXAMPLES[2], "5", "1", abstained=True)]
ARMS = [
    ArmPredictions(
        "untrained",
        "untrained",
        "think",
        {"predict": [answered(e.id, "predict", "1", False, tokens=3) for e in EXAMPLES]},
    ),
    ArmPredictions("cot", "minds_mirror", "think", {"think": [t for t, _ in _SAID], "mirror": [m for _, m in _SAID]}),
]
"""The first question is mended by mirror and the third broken; the student abstains from the third when it thinks."""
