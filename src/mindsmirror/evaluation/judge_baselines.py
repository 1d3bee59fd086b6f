"""What ranks a student's rationales without a judge: the least that a judge has to be better than.

`p_true` is the probability that the student before any training gives to a rationale's being true, asked in words.
`probe` is a logistic regression on the trained student's last hidden state. It learns from the rationales that the arm
learnt from, by gold, and its strength is chosen by folds of whole questions. Both score before a test label is read.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mindsmirror.evaluation.score_quality import ScoreQuality, score_quality
from mindsmirror.inference.predictor import Predictor
from mindsmirror.inference.without_judge import Shown, last_states, p_true
from mindsmirror.records import Annotation, Example, Prediction
from mindsmirror.students.causal import CausalStudent

FOLDS = 5
STRENGTHS = np.logspace(-5, 0, 6)
"""Among which the folds choose; a larger one trusts the rationales more."""


class Known(NamedTuple):
    """A rationale whose answer is known to be right or wrong."""

    shown: Shown
    example: str
    """The question's id."""
    right: bool


def judge_baselines(
    trained: Predictor,
    untrained: Predictor,
    examples: Sequence[Example],
    mirrored: Sequence[Prediction],
    learnt: Iterable[Annotation],
    seed: int,
) -> dict[str, ScoreQuality]:
    """`p_true` and `probe` of the samples behind `mirrored` that reach an answer; nothing where there are none.

    The probe learns from `learnt`. It is left out for an encoder-decoder, whose head reads no rationale, and where
    fewer than two questions have right and wrong ones.
    """
    tested = [row for each in zip(examples, mirrored, strict=True) for row in _samples(*each)]
    if not tested:
        return {}
    shown = [row.shown for row in tested]
    scores = {"p_true": p_true(untrained, shown)}
    known = [row for annotation in learnt for row in _rationales(annotation)]
    of_both = [{row.example for row in known if row.right is right} for right in (True, False)]
    if isinstance(trained.student, CausalStudent) and min(map(len, of_both)) > 1:
        scores["probe"] = probe(trained, known, shown)
    right, questions = [row.right for row in tested], [row.example for row in tested]
    return {name: score_quality(values, right, questions, seed) for name, values in scores.items()}


def probe(trained: Predictor, known: Sequence[Known], shown: Sequence[Shown]) -> list[float]:
    """Log-odds that each rationale is right, by a regression fitted to the known ones."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    right, groups = [row.right for row in known], [row.example for row in known]
    most = min(FOLDS, *(len({row.example for row in known if row.right is each}) for each in (True, False)))
    folds = list(StratifiedGroupKFold(most).split(groups, right, groups=groups))
    regression = LogisticRegressionCV(
        Cs=STRENGTHS,
        cv=folds,
        scoring="neg_log_loss",
        max_iter=2000,
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    fitted = make_pipeline(StandardScaler(), regression)
    fitted.fit(np.array(last_states(trained, [row.shown for row in known])), right)
    found: list[float] = fitted.decision_function(np.array(last_states(trained, shown))).tolist()
    return found


def _samples(example: Example, prediction: Prediction) -> Iterator[Known]:
    for sample in prediction.samples:
        if sample.answer is not None and sample.right is not None:
            yield Known((example.text, sample.text), example.id, sample.right)


def _rationales(annotation: Annotation) -> Iterator[Known]:
    for rationale in annotation.rationales:
        if rationale.answer is not None and rationale.right is not None:
            yield Known((annotation.example.text, rationale.written), annotation.example.id, rationale.right)
