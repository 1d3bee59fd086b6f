"""A run's predictions as one HTML page: every test question with gold, and what each arm said of it in each mode.

It is made like the page of annotations (browse.py), with the same reader, search and keys; its filters are arm, mode,
right or wrong, abstained, and questions on which two modes of an arm differ.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindsmirror.errors import DataError
from mindsmirror.records import Example, Parse, Prediction, Sample
from mindsmirror.reporting.accuracy_section import ArmPredictions
from mindsmirror.reporting.browse import RIGHT, SHARED, filled, write_page
from mindsmirror.reporting.schema import UNTRAINED

SCRIPTS = (*SHARED, "predictions_filter.js", "predictions_card.js", "browse_steps.js", "predictions.js")
PLACES = 4
"""Of probabilities, after the point: a page holds many of them, and shows two."""


def write_predictions_page(name: str, arms: Sequence[ArmPredictions], examples: Sequence[Example], path: Path) -> int:
    """Write the page of a run's predictions, whole or not at all, and return its size in bytes.

    DataError if nothing was predicted, or not of these questions; StorageError if the disk refuses.
    """
    return write_page(predictions_page(name, arms, examples), path)


def predictions_page(name: str, arms: Sequence[ArmPredictions], examples: Sequence[Example]) -> str:
    """The page as text; the questions are in their order, the arms in theirs."""
    data = predictions_data(name, arms, examples)
    rows = [(place, arm.name, mode) for place, arm in enumerate(arms) for mode in arm.modes]
    if not rows:
        raise DataError(f"{name} has no predictions to show. Run `mindsmirror evaluate` first.")
    return filled(
        "predictions.html.j2",
        SCRIPTS,
        data,
        name=name,
        questions=len(examples),
        rows=rows,
        columns=RIGHT,
        untrained=UNTRAINED,
        abstains=any(p.abstained for arm in arms for said in arm.modes.values() for p in said),
    )


def predictions_data(name: str, arms: Sequence[ArmPredictions], examples: Sequence[Example]) -> dict[str, Any]:
    """What the page's scripts read. A key is absent where its value is: no gold, no answer, no confidence.

    Samples stand once for each arm and question: vote and mirror look at the same. DataError for a question that is
    none of the examples, or was not answered.
    """
    said = [{mode: {p.example: p for p in found} for mode, found in arm.modes.items()} for arm in arms]
    known = {example.id for example in examples}
    for arm, modes in zip(arms, said, strict=True):
        for mode, found in modes.items():
            if found.keys() != known:
                strange = min(found.keys() ^ known)
                raise DataError(
                    f"{name}: arm {arm.name!r} in mode {mode} and the test questions differ in question {strange!r}. "
                    "Run `mindsmirror evaluate` again."
                )
    return {
        "name": name,
        "arms": [arm.name for arm in arms],
        "questions": [
            _present(
                id=example.id,
                text=example.text,
                choices=example.choices or None,
                gold=example.gold,
                said=[_of_arm({mode: found[example.id] for mode, found in modes.items()}) for modes in said],
            )
            for example in examples
        ],
    }


def _of_arm(modes: Mapping[str, Prediction]) -> dict[str, Any]:
    sampled = next((modes[mode].samples for mode in ("mirror", "vote") if mode in modes), ())
    return _present(
        modes={mode: _prediction(found) for mode, found in modes.items()},
        samples=[_sample(sample) for sample in sampled] or None,
    )


def _prediction(found: Prediction) -> dict[str, Any]:
    return _present(
        answer=found.answer,
        right=found.right,
        text=found.rationale or found.unread or None,
        confidence=_short(found.confidence),
        calibrated=found.calibrated or None,
        abstained=found.abstained or None,
        parse=None if found.parse is Parse.OK else found.parse.value,
        tokens=found.tokens,
    )


def _sample(sample: Sample) -> dict[str, Any]:
    return _present(
        text=sample.text,
        answer=sample.answer,
        right=sample.right,
        p=_short(sample.p_correct),
        confidence=_short(sample.confidence),
    )


def _short(probability: float | None) -> float | None:
    return None if probability is None else round(probability, PLACES)


def _present(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
