"""Statistics: accuracy with intervals, paired comparisons, how good a judge is, how alike texts are."""

from mindsmirror.evaluation.diversity import self_bleu
from mindsmirror.evaluation.metrics import (
    VerdictQuality,
    WithinQuestions,
    auroc,
    auroc_interval,
    auroc_within,
    balanced_accuracy,
    expected_calibration_error,
    majority_baseline,
    verdict_quality,
)
from mindsmirror.evaluation.statistics import (
    Difference,
    holm,
    mcnemar,
    paired_difference,
    share_interval,
    smallest_detectable_difference,
    wilson,
)

__all__ = [
    "Difference",
    "VerdictQuality",
    "WithinQuestions",
    "auroc",
    "auroc_interval",
    "auroc_within",
    "balanced_accuracy",
    "expected_calibration_error",
    "holm",
    "majority_baseline",
    "mcnemar",
    "paired_difference",
    "self_bleu",
    "share_interval",
    "smallest_detectable_difference",
    "verdict_quality",
    "wilson",
]
