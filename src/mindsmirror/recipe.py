"""A recipe: the TOML file that fully determines a run. Its tables belong to the rooms that read them.

Every error names the file and the key; a key that does not exist suggests the nearest that does.
"""

import difflib
import hashlib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.annotation.ready import AnnotationTable
from mindsmirror.engines import catalog
from mindsmirror.engines.config import TeacherConfig
from mindsmirror.engines.secrets import check_key_variable
from mindsmirror.errors import RecipeError
from mindsmirror.evaluation.config import EvaluationConfig
from mindsmirror.methods import ArmConfig, check_needs
from mindsmirror.records import Grounds
from mindsmirror.students.config import StudentConfig
from mindsmirror.tasks.base import TaskConfig
from mindsmirror.training.config import TrainingConfig


class Recipe(BaseModel):
    """The whole recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    seed: int = Field(0, ge=0)
    task: TaskConfig
    teacher: tuple[TeacherConfig, ...] = ()
    annotation: AnnotationTable = AnnotationTable()
    judge: JudgeConfig = JudgeConfig()
    student: StudentConfig
    training: TrainingConfig = TrainingConfig()
    arm: tuple[ArmConfig, ...] = Field(min_length=1)
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
            raise ValueError("arm: names must differ from each other and from 'untrained'")
        if self.annotation.file is not None:
            if self.teacher:
                raise ValueError("annotation.file: the file stands in place of a teacher; remove it, or [[teacher]].")
            # What arms need of the file is checked when it is read.
            return self
        if not self.teacher:
            raise ValueError("the key 'teacher' is missing; or name a file of annotations in annotation.file.")
        if self.judge.teacher >= len(self.teacher):
            raise ValueError(f"judge.teacher: there is no teacher {self.judge.teacher}, only {len(self.teacher)}")
        if self.judge.strategy == "informed" and not self._all_gold:
            raise ValueError(
                'judge.strategy: informed verdicts come from gold, so every arm needs labels = "gold", '
                "or arms that are compared would not know the same"
            )
        self._check_writers()
        self._check_likelihood()
        if self.annotation.budget.usd is not None:
            judge = {self.judge.teacher} if self.annotation.self_evaluations else set()
            for number in sorted({*self.annotation.teachers, *judge}):
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

    def _check_writers(self) -> None:
        writers = self.annotation.teachers
        strangers = [number for number in writers if not 0 <= number < len(self.teacher)]
        if strangers:
            raise ValueError(f"annotation.teachers: there is no teacher {strangers[0]}, only {len(self.teacher)}")
        if len(set(writers)) < len(writers):
            raise ValueError("annotation.teachers: each teacher is named once; rationales says how many it writes")

    def _check_likelihood(self) -> None:
        if self.judge.strategy != "likelihood":
            return
        if self.annotation.self_evaluations > 1:
            raise ValueError(
                "annotation.self_evaluations: a likelihood is the same each time it is asked for, so there is only 1"
            )
        if self.judge.calibration is Grounds.GOLD and not self._all_gold:
            raise ValueError(
                'judge.calibration: it is fitted to gold, so every arm needs labels = "gold", or arms that are '
                'compared would not know the same. Without gold use calibration = "consensus"'
            )
        if self.judge.calibration is Grounds.CONSENSUS and self.annotation.rationales < 3:
            raise ValueError(
                "judge.calibration: it is fitted to the consensus of the rationales, so annotation.rationales must "
                "be at least 3"
            )

    @property
    def hash(self) -> str:
        """16 hex digits over everything the recipe says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def read_recipe(path: Path, overrides: Sequence[str] = (), key_variables: Collection[str] = ()) -> Recipe:
    """The recipe in a TOML file, with `key.path=value` overrides; values are TOML, or else plain text.

    Relative paths in it are looked up beside the recipe first, then in the current folder. `key_variables` are
    environment variables that it may name for a key, whatever their names (see `check_key_variable`).
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read the recipe {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not TOML: {error}") from error
    for override in overrides:
        _override(document, override)
    recipe = make_recipe(document, str(path), path.parent)
    for number, teacher in enumerate(recipe.teacher):
        fault = check_key_variable(teacher.api_key_env, key_variables)
        if fault:
            raise RecipeError(f"{path}: teacher.{number}.api_key_env: {fault}.")
    return recipe


def make_recipe(document: Mapping[str, Any], source: str = "the recipe", beside: Path = Path()) -> Recipe:
    """A recipe from its tables; raises RecipeError that names `source` and the key."""
    document = _with_paths(dict(document), beside)
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        # A misspelt key may be reported twice, as a stranger and as missing: the stranger shows the mistake.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        message = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"{source}: {_explain(first['loc'], first['type'], message)}") from error


def _explain(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    key = ".".join(str(part) for part in loc)
    if kind == "extra_forbidden":
        known = _keys_at(Recipe, loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"there is no key {key!r}.{hint} Known here: {', '.join(sorted(known))}."
    if kind == "missing":
        return f"the key {key!r} is missing."
    return f"{key}: {message}" if key else message


def _keys_at(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The keys that the table at a place of the recipe may have."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            inner = _table(model.model_fields[part].annotation)
            if inner is None:
                return []
            model = inner
    return list(model.model_fields)


def _table(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _table(inner))), None)


def _override(document: dict[str, Any], text: str) -> None:
    key, sign, raw = text.partition("=")
    if not sign:
        raise RecipeError(f"--set {text}: write key=value, such as training.learning_rate=3e-4")
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw
    table: Any = document
    *parents, last = key.strip().split(".")
    for part in parents:
        table = _step(table, part, text)
    if isinstance(table, list):
        raise RecipeError(f"--set {text}: {key} names a list; add its index, such as arm.0.alpha")
    table[last] = value


def _step(table: Any, part: str, text: str) -> Any:
    if isinstance(table, list):
        if not part.isdigit() or int(part) >= len(table):
            raise RecipeError(f"--set {text}: {part!r} is no index of a list of {len(table)}")
        return table[int(part)]
    inner = table.setdefault(part, {})
    if not isinstance(inner, dict | list):
        raise RecipeError(f"--set {text}: {part!r} is a value, not a table")
    return inner


def _with_paths(document: dict[str, Any], beside: Path) -> dict[str, Any]:
    """The document with relative paths made to lead where they are found."""
    places: list[tuple[str, str, tuple[str, ...]]] = [
        ("task", "data_dir", ()),
        ("task", "name", (".jsonl", ".jsonl.gz")),
        ("annotation", "prompts", (".toml",)),
        ("annotation", "file", ()),
        ("student", "path", ()),
        ("student", "model", ()),
    ]
    for table, key, endings in places:
        document[table] = _with_path(document.get(table), key, beside, endings)
    teachers = document.get("teacher")
    if isinstance(teachers, list):
        document["teacher"] = [_with_path(teacher, "path", beside) for teacher in teachers]
    return {key: value for key, value in document.items() if value is not None}


def _with_path(table: Any, key: str, beside: Path, endings: tuple[str, ...] = ()) -> Any:
    """A name stays one, even where a folder beside the recipe is called so."""
    value = table.get(key) if isinstance(table, dict) else None
    if not isinstance(value, str) or not value or not value.endswith(endings or "") or value in catalog.entries():
        return table
    return {**table, key: str(beside / value)} if (beside / value).exists() else table
