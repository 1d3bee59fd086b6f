"""A run's annotations for others to use: the folder of a run in, a data set with a card out."""

from pathlib import Path

from mindsmirror.delivery import write_dataset
from mindsmirror.runs.pipeline import Pipeline


def export_annotations(run: str | Path, out: str | Path, form: str = "parquet") -> dict[str, int]:
    """Write the annotations of a run's folder, with a card, into the folder `out`; returns each split's rows.

    `form` is parquet, datasets or jsonl. DataError if there is no run or nothing to export, or something in `out`
    already; MissingExtraError if the format's library is not installed.
    """
    pipeline = Pipeline.of(run)
    return write_dataset(pipeline.recipe.name, pipeline.annotations(), pipeline.task, form, Path(out))
