"""A recipe: the TOML file that fully determines a run. Its tables belong to the rooms that read them.

Every error names the file and the key; a key that does not exist suggests the nearest that does.
"""

import hashlib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mindsmirror import limits
from mindsmirror.annotation.from_file import AnnotationTable
from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.engines.config import TeacherConfig
from mindsmirror.engines.secrets import check_key_variable
from mindsmirror.errors import RecipeError
from mindsmirror.evaluation.config import EvaluationConfig
from mindsmirror.limits import BoundError
from mindsmirror.methods import Arm, check_needs
from mindsmirror.methods.base import Labels
from mindsmirror.records import CalibrationTarget
from mindsmirror.reflection.config import ReflectionConfig
from mindsmirror.runs.recipe_paths import with_paths
from mindsmirror.runs.shipped import recipe_file
from mindsmirror.students.config import StudentConfig
from mindsmirror.system.documents import check_document, parse_toml, read_bytes
from mindsmirror.system.validation import Name, explain
from mindsmirror.tasks.base import TaskConfig
from mindsmirror.training.config import TrainingConfig

OWN = ("parameters",)
"""Keys under which a recipe holds what engines and tasks name themselves."""


class Recipe(BaseModel):
    """The whole recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name = Field(description="the run's folder below the folder of the runs")
    seed: int = Field(0, ge=0, le=limits.SEED, description="of training, evaluation and intervals")
    task: TaskConfig
    teacher: tuple[TeacherConfig, ...] = Field((), max_length=limits.TEACHERS)
    annotation: AnnotationTable = AnnotationTable()
    judge: JudgeConfig = JudgeConfig()
    student: StudentConfig
    training: TrainingConfig = TrainingConfig()
    reflect: ReflectionConfig | None = Field(None, description="without this table no arm reflects")
    arm: tuple[Arm, ...] = Field(min_length=1, max_length=limits.ARMS)
    evaluation: EvaluationConfig = EvaluationConfig()

    @model_validator(mode="after")
    def _best_judge(self) -> Self:
        """Where every arm learns from gold and no judge is named, gold judges: there is no better (docs/results.md)."""
        if "strategy" in self.judge.model_fields_set or not self._all_gold:
            return self
        return self.model_copy(update={"judge": self.judge.model_copy(update={"strategy": "informed"})})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [arm.name for arm in self.arm]
        if len(set(names)) < len(names) or "untrained" in names:
            raise ValueError("arm: every arm needs a name of its own, and 'untrained' is taken")
        self._check_against()
        if self.annotation.file is not None:
            if self.teacher:
                raise ValueError(
                    "annotation.file: the file replaces the teachers. Remove either the file or every [[teacher]]."
                )
            if self.evaluation.escalate:
                raise ValueError(
                    "evaluation.escalate: it asks a teacher, and annotation.file replaces every [[teacher]]. "
                    "Remove one of them."
                )
            # What arms need of the file is checked when it is read.
            return self
        if not self.teacher:
            raise ValueError("there is no [[teacher]]. Add one, or name a file of annotations in annotation.file.")
        if self.judge.teacher >= len(self.teacher):
            raise ValueError(
                f"judge.teacher: there is no teacher {self.judge.teacher}; the last is {len(self.teacher) - 1}"
            )
        if self.judge.strategy == "informed" and not self._may_use_gold:
            raise ValueError(
                'judge.strategy: informed verdicts come from gold, so every arm needs labels = "gold". Otherwise arms '
                "that learn from gold would be compared with arms that do not"
            )
        self._check_writers()
        self._check_likelihood()
        if self.annotation.budget.usd is not None:
            for number in self.asked_teachers:
                if self.teacher[number].price is None:
                    raise ValueError(
                        f"annotation.budget.usd: a cap in USD needs the price of every teacher that is asked, and "
                        f"teacher.{number} ({self.teacher[number].model}) has none. Add "
                        "price = { input = …, output = … }, in USD per million tokens, to its [[teacher]]"
                    )
        for arm in self.arm:
            check_needs(
                arm,
                self.annotation.rationales * len(self.annotation.teachers),
                self.annotation.self_evaluations,
                rectified=self.annotation.rectified,
                corrupted=self.annotation.corrupted,
                teachers=len(self.annotation.teachers),
            )
        return self

    @property
    def _all_gold(self) -> bool:
        return all(arm.labels == "gold" for arm in self.arm)

    @property
    def asked_teachers(self) -> tuple[int, ...]:
        """Numbers of the teachers that write or judge, in order; none where the annotations are in a file."""
        if not self.teacher:
            return ()
        judge = {self.judge.teacher} if self.annotation.self_evaluations else set()
        return tuple(sorted({*self.annotation.teachers, *judge}))

    @property
    def _may_use_gold(self) -> bool:
        """Arms that name no labels may yet learn from gold; `labelled` asks again when that is known."""
        return all(arm.labels != "teacher" for arm in self.arm)

    def labelled(self, labels: Labels, why: str) -> "Recipe":
        """The recipe with these labels in every arm that names none, and with the judge that follows from them.

        RecipeError, which says why these labels, if something else in the recipe needs others.
        """
        document = self.model_dump(exclude_unset=True)
        for arm in document["arm"]:
            arm["labels"] = arm.get("labels") or labels
        try:
            return Recipe.model_validate(document)
        except (ValidationError, RecipeError) as error:
            wrong = explain(error, Recipe) if isinstance(error, ValidationError) else str(error)
            raise RecipeError(f"{wrong.rstrip('.')}. Here labels = {labels}: {why}.") from error

    def _check_writers(self) -> None:
        writers = self.annotation.teachers
        strangers = [number for number in writers if not 0 <= number < len(self.teacher)]
        if strangers:
            raise ValueError(
                f"annotation.teachers: there is no teacher {strangers[0]}; the last is {len(self.teacher) - 1}"
            )
        if len(set(writers)) < len(writers):
            raise ValueError(
                "annotation.teachers: name each teacher once; `rationales` says how many rationales each writes"
            )

    def _check_against(self) -> None:
        for number, arm in enumerate(self.arm):
            others = [other.name for other in self.arm if other is not arm]
            for name in arm.against:
                if name not in others:
                    known = f"the others are {', '.join(others)}" if others else "there is no other"
                    raise ValueError(f"arm.{number}.against: {name!r} is no other arm; {known}")

    def _check_likelihood(self) -> None:
        if self.judge.strategy != "likelihood":
            return
        if self.annotation.self_evaluations > 1:
            raise ValueError(
                "annotation.self_evaluations: a likelihood is the same each time, so at most 1 can be asked for"
            )
        if self.judge.calibration is CalibrationTarget.GOLD and not self._may_use_gold:
            raise ValueError(
                'judge.calibration: it is fitted to gold, so every arm needs labels = "gold". Otherwise arms that '
                'learn from gold would be compared with arms that do not. Without gold use calibration = "consensus"'
            )
        if self.judge.calibration is CalibrationTarget.CONSENSUS and self.annotation.rationales < 3:
            raise ValueError(
                "judge.calibration: it is fitted to the consensus of the rationales, so annotation.rationales must "
                "be at least 3"
            )

    @property
    def hash(self) -> str:
        """16 hex digits over everything the recipe says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def read_recipe(path: str | Path, overrides: str | Sequence[str] = (), key_variables: Collection[str] = ()) -> Recipe:
    """The recipe in a TOML file, or a shipped one by its name, with `key.path=value` overrides (TOML, else plain text).

    Relative paths in it are looked up beside the recipe first, then in the current folder. `key_variables` are
    environment variables that it may name for a key, whatever their names (see `check_key_variable`).
    """
    path = recipe_file(path)
    try:
        document = parse_toml(read_bytes(path, limits.RECIPE_BYTES).decode("utf-8").replace("\r\n", "\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read the recipe {path}: {error}") from error
    except BoundError as error:
        raise RecipeError(f"{path}: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not TOML: {error}") from error
    for override in [overrides] if isinstance(overrides, str) else overrides:
        _override(document, override)
    recipe = make_recipe(document, str(path), path.parent)
    for number, teacher in enumerate(recipe.teacher):
        fault = check_key_variable(teacher.api_key_env, key_variables)
        if fault:
            raise RecipeError(f"{path}: teacher.{number}.api_key_env: {fault}.")
    return recipe


def make_recipe(document: Mapping[str, Any], source: str | Path = "the recipe", beside: str | Path = Path()) -> Recipe:
    """A recipe from its tables; raises RecipeError that names `source` and the key."""
    try:
        check_document(dict(document), OWN)
    except BoundError as error:
        raise RecipeError(f"{source}: {error}.") from error
    document = with_paths(dict(document), Path(beside))
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        raise RecipeError(f"{source}: {explain(error, Recipe)}") from error


def _override(document: dict[str, Any], text: str) -> None:
    key, sign, raw = text.partition("=")
    if not sign:
        raise RecipeError(f"--set {text}: write key=value, such as training.learning_rate=3e-4")
    try:
        value = parse_toml(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw
    except BoundError as error:
        raise RecipeError(f"--set {text[: limits.NAME]}: {error}.") from error
    table: Any = document
    *parents, last = key.strip().split(".")
    if len(parents) >= limits.KEY_PARTS:
        raise RecipeError(f"--set {text[: limits.NAME]}: the key has more than {limits.KEY_PARTS} parts.")
    for part in parents:
        table = _step(table, part, text)
    if isinstance(table, list):
        raise RecipeError(f"--set {text}: {key} is a list; add an index, such as arm.0.alpha")
    table[last] = value


def _step(table: Any, part: str, text: str) -> Any:
    if isinstance(table, list):
        if not part.isdecimal() or len(part) > 9 or int(part) >= len(table):
            raise RecipeError(f"--set {text}: {part!r} is not an index of a list of {len(table)}")
        return table[int(part)]
    inner = table.setdefault(part, {})
    if not isinstance(inner, dict | list):
        raise RecipeError(f"--set {text}: {part!r} is a value, not a table")
    return inner
