"""What asking an arm leaves behind: which modes it was asked in, and how good its judge is."""

from mindsmirror.records import Mode, Record


class JudgeQuality(Record):
    """The student's judge on its own rationales against gold, and on the teacher's against the teacher."""

    n: int
    auroc: float | None
    auroc_ci95: tuple[float, float] | None
    balanced_accuracy: float | None
    majority_baseline: float | None
    agreement_with_teacher: float | None
    agreement_n: int


class PredictionResult(Record):
    """The modes in which an arm was asked, each with a file `MODE.jsonl` of predictions, and its judge's quality."""

    modes: tuple[Mode, ...]
    judge: JudgeQuality | None = None
