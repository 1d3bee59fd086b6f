"""A run to look at from Python: its report, its annotations, and its predictions beside question and gold.

run = mindsmirror.open_run("runs/mine")
wrong = [row for row in run.predictions() if row.right is False]
run.predictions().to_pandas().groupby(["arm", "mode"]).right.mean()
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from mindsmirror.errors import DataError, MissingExtraError, UnknownNameError
from mindsmirror.evaluation.result import PredictionResult
from mindsmirror.inference.question import check_mode
from mindsmirror.records import Annotation, Example, Prediction
from mindsmirror.reporting.report import read_report
from mindsmirror.reporting.schema import UNTRAINED, Report
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.predictions import read_predictions
from mindsmirror.runs.recipe import Recipe

if TYPE_CHECKING:
    from mindsmirror.runs.student import TrainedStudent


@dataclass(frozen=True)
class PredictionRow:
    """What an arm said of a test question, with the question; the fields are those of `Prediction` and `Example`."""

    arm: str
    mode: str
    id: str
    question: str
    choices: dict[str, str]
    gold: str | None
    answer: str | None
    right: bool | None
    text: str
    """What the student wrote."""
    confidence: float | None
    calibrated: bool
    abstained: bool
    parse: str
    tokens: int


class Predictions(Sequence[PredictionRow]):
    """Rows of predictions: a sequence, and a table for pandas."""

    def __init__(self, rows: Sequence[PredictionRow]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> PredictionRow: ...
    @overload
    def __getitem__(self, index: slice) -> "Predictions": ...
    def __getitem__(self, index: int | slice) -> "PredictionRow | Predictions":
        return Predictions(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __repr__(self) -> str:
        return f"<{len(self)} predictions; to_pandas() makes a DataFrame of them>"

    def to_pandas(self) -> Any:
        """A DataFrame with a column for each field. MissingExtraError if pandas is not installed."""
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("pandas") from error
        return pd.DataFrame(list(self._rows), columns=list(PredictionRow.__dataclass_fields__))


class OpenRun:
    """A run that was made, read from its folder when it is looked at."""

    def __init__(self, folder: str | Path) -> None:
        """DataError if the folder holds no run."""
        self.folder = Path(folder)
        self._pipeline = Pipeline.of(self.folder)

    def __repr__(self) -> str:
        return f"<run {self.recipe.name!r} in {self.folder}: {', '.join(self.arms)}>"

    @property
    def recipe(self) -> Recipe:
        """The recipe as it was carried out."""
        return self._pipeline.recipe

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, as the recipe orders them."""
        return tuple(arm.name for arm in self.recipe.arm)

    @property
    def report(self) -> Report:
        """The report as it was written last; StorageError if there is none."""
        return read_report(self.folder / "report.json")

    @property
    def annotations(self) -> Sequence[Annotation]:
        """What the teacher wrote, read from disk one by one; DataError if there is nothing yet."""
        return self._pipeline.annotations()

    def student(self, arm: str | None = None) -> "TrainedStudent":
        """The trained student of an arm, by default the last one, as `mindsmirror.load` gives it."""
        from mindsmirror.runs.student import load

        return load(self.folder, arm)

    def predictions(self, arm: str | None = None, mode: str | None = None) -> Predictions:
        """What the arms said of the test questions; of all arms, the untrained student first, unless one is named.

        UnknownNameError for an arm or mode that there is not, DataError if nothing was evaluated yet.
        """
        known = (UNTRAINED, *self.arms)
        if arm is not None and arm not in known:
            raise UnknownNameError("arm", arm, known)
        check_mode(mode)
        examples = {example.id: example for example in self._pipeline.task.splits.test}
        rows: list[PredictionRow] = []
        for name in known if arm is None else (arm,):
            step = f"predictions/{name}"
            done = self._pipeline.run.result(step, PredictionResult)
            for each in done.modes if done else ():
                if mode in (None, each):
                    predictions = read_predictions(self.folder / step / f"{each}.jsonl")
                    rows += [_row(name, found, examples) for found in predictions]
        if not rows:
            raise DataError(f"{self.folder} has no such predictions. Run `mindsmirror evaluate {self.folder}` first.")
        return Predictions(rows)


def open_run(folder: str | Path) -> OpenRun:
    """The run in a folder: its recipe, report, annotations and predictions. DataError if there is none."""
    return OpenRun(folder)


def _row(arm: str, found: Prediction, examples: dict[str, Example]) -> PredictionRow:
    example = examples.get(found.example, Example(id=found.example, text=""))
    return PredictionRow(
        arm=arm,
        mode=found.mode,
        id=found.example,
        question=example.text,
        choices=example.choices,
        gold=example.gold,
        answer=found.answer,
        right=found.right,
        text=found.written or found.answer or "",
        confidence=found.confidence,
        calibrated=found.calibrated,
        abstained=found.abstained,
        parse=found.parse.value,
        tokens=found.tokens,
    )
