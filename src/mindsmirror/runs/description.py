"""The trained students of a run: which is meant, where it lies, and the `mindsmirror.json` beside its weights."""

from pathlib import Path
from typing import Any

from mindsmirror.answers.stored import StoredKind
from mindsmirror.errors import DataError, UnknownNameError
from mindsmirror.evaluation.config import TEMPERATURE
from mindsmirror.inference.description import FILE, QUESTION, RATIONALE, StudentDescription, VerdictTask
from mindsmirror.methods import ArmConfig, method_named
from mindsmirror.records import Tag
from mindsmirror.runs.calibration import calibration_of
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.students.text import VERDICT_WORDS, prompt_text
from mindsmirror.system.files import read_record, write_json
from mindsmirror.tasks.base import Task


def named_arm(recipe: Recipe, name: str | None) -> ArmConfig:
    """The recipe's arm of that name, its last if none is named. UnknownNameError if there is none."""
    if name is None:
        return recipe.arm[-1]
    found = next((arm for arm in recipe.arm if arm.name == name), None)
    if found is None:
        raise UnknownNameError("arm", name, [arm.name for arm in recipe.arm])
    return found


def trained_model(folder: Path, arm: ArmConfig) -> Path:
    """The folder of an arm's student in a run's. DataError if it is not trained yet."""
    model = folder / "arms" / arm.name / "model"
    if not model.exists():
        raise DataError(f"arm {arm.name!r} of {folder} is not trained yet. Run `mindsmirror distill` first.")
    return model


def described(run: Run, recipe: Recipe, task: Task, arm: ArmConfig) -> StudentDescription:
    """What a trained arm of a recipe is and can do; the prompts are left out, because they take its tokenizer."""
    method = method_named(arm.method)
    asked = method.verdict_request(arm)
    evaluation, calibration = recipe.evaluation, calibration_of(run, arm)
    return StudentDescription(
        run=recipe.name,
        arm=arm.name,
        method=arm.method,
        base=recipe.student.model,
        task=task.name,
        licence=task.licence,
        instruction=task.instruction,
        answers=StoredKind.of(task.answers),
        modes=method.modes(arm),
        default_mode=(calibration and calibration.preferred) or method.main_mode(arm),
        verdict=VerdictTask(tag=asked.tag, sees_question=asked.sees_question, words=VERDICT_WORDS) if asked else None,
        samples=evaluation.samples,
        temperature=calibration.temperature if calibration else evaluation.temperature or TEMPERATURE,
        max_tokens=evaluation.max_tokens,
        max_source=recipe.student.max_source,
        batch=evaluation.batch,
        seed=recipe.seed,
        calibration=calibration,
        precision=recipe.training.precision,
    )


def describe_students(run: Run, recipe: Recipe, task: Task) -> None:
    """Write beside each trained student what it is and how it is asked, so that its folder is enough to ask it."""
    for arm in recipe.arm:
        model = run.folder / "arms" / arm.name / "model"
        if model.is_dir():
            _describe(run, recipe, task, arm, model)


def _describe(run: Run, recipe: Recipe, task: Task, arm: ArmConfig, folder: Path) -> None:
    """Write the description of a trained arm into the folder of its model, unless the same one is there."""
    found = described(run, recipe, task, arm)
    before = read_record(folder / FILE, StudentDescription)
    if before is not None and before.model_copy(update={"prompts": {}}) == found:
        return
    found = found.model_copy(update={"prompts": _prompts(found, folder, trusted=recipe.student.trust_remote_code)})
    write_json(folder / FILE, found.model_dump(mode="json"))


def _prompts(student: StudentDescription, folder: Path, *, trusted: bool) -> dict[str, str]:
    """What the student reads in each of its tasks, by the name of the task."""
    import transformers

    at: dict[str, Any] = {"pretrained_model_name_or_path": str(folder), "trust_remote_code": trusted}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**at)
    encoder_decoder = bool(transformers.AutoConfig.from_pretrained(**at).is_encoder_decoder)

    def shown(tag: Tag, question: str | None, rationale: str | None) -> str:
        return prompt_text(tokenizer, tag, question, rationale, encoder_decoder=encoder_decoder)

    found = {}
    if "predict" in student.modes:
        found["predict"] = shown(Tag.PREDICT, QUESTION, None)
    if "think" in student.modes:
        found["think"] = shown(Tag.EXPLAIN, QUESTION, None)
    if student.verdict is not None:
        found["verdict"] = shown(student.verdict.tag, QUESTION if student.verdict.sees_question else None, RATIONALE)
    return found
