"""A run's trained students in use: asked a single question, or scored on questions that they were not trained for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.evaluation.arms import ask_modes, open_predictor
from mindsmirror.evaluation.evaluate import evaluate_modes, main_mode, modes_of
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods import ArmConfig, method_named
from mindsmirror.records import MODES, Example, Mode
from mindsmirror.reporting.accuracy_section import ArmPredictions, arm_results
from mindsmirror.reporting.schema import ArmResult
from mindsmirror.runs.calibration import calibration_of
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.students.text import VERDICT_WORDS
from mindsmirror.system.progress import Working, say
from mindsmirror.tasks import Splits, Task, TaskConfig, load_task
from mindsmirror.tasks.shown import with_choices
from mindsmirror.tasks.tables import is_own_file


def ask(
    folder: str | Path,
    question: str,
    choices: Mapping[str, str] | None = None,
    arm: str | None = None,
    mode: str | None = None,
) -> dict[str, Any]:
    """One answer by a trained arm, with its rationale, its own verdict on it, and its confidence.

    `folder` is that of the run, `choices` maps letters to texts. By default the last arm of the recipe answers, in the
    mode that its validation questions prefer: it thinks once, if it learnt to, unless another mode was better. Where no
    answer can be read, `written` is what the student wrote instead; else it is empty. `confidence` is the probability
    that the answer is right where `calibrated` is true (see `records.Prediction`); `abstained` says that it is too low
    for the risk that the recipe promises.

    Raises DataError for a run that is not trained, UnknownNameError for an arm or mode that there is not, RecipeError
    for a mode that the arm was not taught.
    """
    folder, choices = Path(folder), dict(choices or {})
    if mode is not None:
        _check_known("mode", mode, MODES)
    recipe = Run(folder).recipe
    chosen = _arm(recipe, arm)
    able = modes_of(chosen, MODES)
    if mode is not None and mode not in able:
        raise RecipeError(f"arm {chosen.name!r} was not taught to {mode}; it can {', '.join(able)}")
    calibration = calibration_of(Run(folder), chosen)
    picked = mode or (calibration and calibration.preferred) or main_mode(chosen)
    task = load_task(recipe.task)
    predictor = _predictor(folder, recipe, task, chosen)
    text = task.shown(with_choices(question, choices) if choices else question.strip())
    example = Example(id="asked", text=text, choices=choices)
    judging = method_named(chosen.method).verdict_request(chosen)
    with Working(f"asking {chosen.name}"):
        answers = evaluate_modes(predictor, judging, [picked], [example], recipe.evaluation, recipe.seed, calibration)
    found = answers[picked][0]
    reply: dict[str, Any] = {
        "arm": chosen.name,
        "mode": picked,
        "answer": found.answer,
        "written": "" if found.answer is not None else found.written,
        "rationale": found.rationale,
        "confidence": found.confidence,
        "calibrated": found.calibrated,
        "abstained": found.abstained,
        "verdict": None,
        "p_correct": None,
        "tokens": found.tokens,
    }
    if judging is not None and found.rationale:
        shares = verdict_probabilities(predictor, judging, [(text, found.rationale)])[0]
        reply["verdict"] = VERDICT_WORDS[shares.index(max(shares))]
        reply["p_correct"] = shares[0]
    return reply


def evaluate_elsewhere(
    folder: str | Path,
    task: str | Path | None = None,
    data_dir: str | Path | None = None,
    split: str = "test",
    limit: int | None = None,
    modes: str | Sequence[str] = (),
) -> list[ArmResult]:
    """Score every arm of a run on a split of another task (or its own); nothing is written.

    `modes` is one or several, by default those of the run's recipe. Raises DataError if the split has no questions,
    UnknownNameError for a split or mode that there is not.
    """
    folder, modes = Path(folder), [modes] if isinstance(modes, str) else modes
    _check_known("split", split, Splits._fields)
    for mode in modes:
        _check_known("mode", mode, MODES)
    recipe = Run(folder).recipe
    own = task is None or str(task) == recipe.task.name
    # Another file of the user's is about the same, and its columns are called as in the first one.
    alike = recipe.task.model_dump(include={"columns", "instruction"}) if is_own_file(str(task)) else {}
    loaded = load_task(
        recipe.task if own else TaskConfig(name=str(task), **alike), data_dir=data_dir or recipe.task.data_dir
    )
    examples: Sequence[Example] = getattr(loaded.splits, split)[:limit]
    if not examples:
        raise DataError(f"the split {split!r} of {loaded.name} has no questions")
    results = []
    for arm in recipe.arm:
        asked = modes_of(arm, [cast(Mode, mode) for mode in modes] or recipe.evaluation.modes)
        say(f"asking {arm.name} {len(examples)} questions of {loaded.name} in {', '.join(asked) or 'no mode'}")
        predictor = _predictor(folder, recipe, loaded, arm)
        found = ask_modes(
            predictor, arm, asked, examples, recipe.evaluation, recipe.seed, calibration_of(Run(folder), arm)
        )
        results += arm_results(ArmPredictions(arm.name, arm.method, main_mode(arm), found), recipe.seed)
    return results


def _check_known(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise UnknownNameError(what, name, known)


def _predictor(folder: Path, recipe: Recipe, task: Task, arm: ArmConfig) -> Predictor:
    model = folder / "arms" / arm.name / "model"
    if not model.exists():
        raise DataError(f"arm {arm.name!r} of {folder} is not trained yet. Run `mindsmirror distill` first.")
    return open_predictor(task, recipe.student, recipe.evaluation, recipe.training.precision, model)


def _arm(recipe: Recipe, name: str | None) -> ArmConfig:
    if name is None:
        return recipe.arm[-1]
    found = next((arm for arm in recipe.arm if arm.name == name), None)
    if found is None:
        raise UnknownNameError("arm", name, [arm.name for arm in recipe.arm])
    return found
