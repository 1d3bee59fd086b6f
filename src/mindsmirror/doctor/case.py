"""What the checks examine: a recipe, and what several checks need to know about it."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mindsmirror.annotation.estimate import Estimate
from mindsmirror.engines import TeacherConfig
from mindsmirror.errors import MindsMirrorError, ModelFileError
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe
from mindsmirror.students.config import StudentConfig, is_at_hand

if TYPE_CHECKING:
    from mindsmirror.students.base import Student

MEASURED = 2000
"""Questions, evenly spread, whose length is looked at."""


class StudentSize(NamedTuple):
    """A student as it was loaded."""

    kind: str
    """As Transformers calls its architecture."""
    parameters: int
    measured: int
    """Training questions whose length was looked at."""
    longest: int
    """Tokens of the longest of them with its tag."""
    cut: int
    """Those of them that are longer than the student is allowed to read."""


@dataclass
class Case:
    """A recipe and where its runs are; `samples` questions may be asked for real."""

    recipe: Recipe
    runs: Path
    samples: int = 0

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline of the recipe; no step has begun."""
        return Pipeline(self.recipe, self.runs)

    @cached_property
    def estimate(self) -> Estimate:
        """What the annotation will cost; asks the `samples` questions that are allowed, once."""
        return self.pipeline.estimate(self.samples)

    @property
    def writers(self) -> list[TeacherConfig]:
        """The teachers that write rationales, and their duals."""
        return [self.recipe.teacher[number] for number in self.recipe.annotation.teachers if self.recipe.teacher]

    def asked(self) -> Iterator[tuple[int, TeacherConfig]]:
        """The teachers that the annotation asks, with their numbers; once where they differ only in price."""
        seen = set()
        for number in self.recipe.asked_teachers:
            key = self.pipeline.teachers[number].key
            if key not in seen:
                seen.add(key)
                yield number, self.recipe.teacher[number]

    @property
    def samples_a_rationale(self) -> int:
        """The most samples that one rationale leads to, itself included, without repairs."""
        config = self.recipe.annotation
        return 1 + config.self_evaluations + max(config.rectified, config.corrupted)

    @cached_property
    def student(self) -> StudentSize | None:
        """The size of the student, which is loaded once and released; None if it is not on this machine yet.

        ModelFileError if it cannot be loaded, or converted from a catalogue file.
        """
        if not is_at_hand(self.recipe.student):
            return None
        from mindsmirror.records import Tag

        config = self.recipe.student
        student = _loaded(config)
        train = self.pipeline.task.splits.train
        some = train[:: -(-len(train) // MEASURED) or 1]
        lengths = [len(student.source(Tag.EXPLAIN, example.text, None)) for example in some]
        size = StudentSize(
            student.model.config.model_type,
            sum(parameter.numel() for parameter in student.model.parameters()),
            len(lengths),
            max(lengths, default=0),
            sum(length > config.max_source for length in lengths),
        )
        del student
        gc.collect()
        return size


def _loaded(config: StudentConfig) -> "Student":
    """The student with a larger `max_source`, so that questions that would be cut are found."""
    from mindsmirror.students.load import load_student

    try:
        return load_student(config.model_copy(update={"max_source": 1_000_000}))
    except MindsMirrorError:
        raise
    except Exception as error:  # whatever a library raises on a model that it cannot read, a run would raise it, too
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise ModelFileError(
            f"the student {config.model!r} cannot be loaded ({reason}), and a run would fail in the same way. Choose "
            "another student (mindsmirror list students), or install the versions that constraints.txt names."
        ) from error
