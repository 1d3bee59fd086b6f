"""A run's trained students in use: asked a single question, or scored on questions that they were not trained for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mindsmirror.errors import DataError, UnknownNameError
from mindsmirror.evaluation.arms import AskedArm, ask_modes
from mindsmirror.evaluation.evaluate import main_mode, modes_of
from mindsmirror.inference.question import Reply, check_mode
from mindsmirror.records import Example
from mindsmirror.reporting.accuracy_section import ArmPredictions, arm_results
from mindsmirror.reporting.schema import ArmResult
from mindsmirror.runs.calibration import calibration_of
from mindsmirror.runs.description import trained_model
from mindsmirror.runs.folder import Run
from mindsmirror.runs.student import load
from mindsmirror.system.progress import say
from mindsmirror.system.terminal import quantity
from mindsmirror.tasks import Splits, Task, TaskConfig, load_task
from mindsmirror.tasks.splits import question_key
from mindsmirror.tasks.tables import is_own_file


def ask(
    folder: str | Path,
    question: str,
    choices: Mapping[str, str] | Sequence[str] = (),
    arm: str | None = None,
    mode: str | None = None,
    *,
    escalate: bool = False,
) -> Reply:
    """One answer by a trained arm, with its rationale, its own verdict on it, and its confidence.

    `folder` is that of the run, or a student's own; `choices` maps letters to texts, or lists the texts. By default the
    last arm of the recipe answers, in the mode that its validation questions prefer: it thinks once, if it learnt to,
    unless another mode was better. The student is loaded for this one question: `mindsmirror.load` keeps it.
    `escalate` asks the run's teacher if the student abstains.

    Raises DataError for a run that is not trained, UnknownNameError for an arm or mode that there is not, RecipeError
    for a mode that the arm was not taught; for `escalate` what `TrainedStudent.check_escalation` raises.
    """
    check_mode(mode)
    return load(folder, arm).ask(question, choices, mode, escalate=escalate)


def evaluate_elsewhere(
    folder: str | Path,
    task: str | Path | None = None,
    data_dir: str | Path | None = None,
    split: str = "test",
    limit: int | None = None,
    modes: str | Sequence[str] = (),
) -> list[ArmResult]:
    """Score every arm of a run on a split of another task (or its own, as the run keeps it); nothing is written.

    `modes` is one or several, by default those of the run's recipe. Of another task the questions that the students
    were trained or chosen on are left out. Raises DataError if the split has no others, UnknownNameError for a split or
    mode that there is not.
    """
    folder, modes = Path(folder), [modes] if isinstance(modes, str) else modes
    if split not in Splits._fields:
        raise UnknownNameError("split", split, Splits._fields)
    named = [mode for name in modes if (mode := check_mode(name)) is not None]
    run = Run(folder)
    recipe = run.recipe
    own = task is None or str(task) == recipe.task.name or _same_file(str(task), recipe.task.name)
    if own and data_dir is None:
        loaded = run.task(recipe)
    else:
        # Another file of the user's is about the same, and its columns are called as in the first one.
        alike = recipe.task.model_dump(include={"columns", "instruction", "answer"}) if is_own_file(str(task)) else {}
        loaded = load_task(
            recipe.task if own else TaskConfig(name=str(task), **alike), data_dir=data_dir or recipe.task.data_dir
        )
    examples: Sequence[Example] = getattr(loaded.splits, split)
    if not own:
        examples = _unseen(examples, run.task(recipe))
    examples = examples[:limit]
    if not examples:
        raise DataError(f"the split {split!r} of {loaded.name} has no questions that the students were not trained on")
    results = []
    for arm in recipe.arm:
        modes_asked = modes_of(arm, named or recipe.evaluation.modes)
        say(f"asking {arm.name} {len(examples)} questions of {loaded.name} in {', '.join(modes_asked) or 'no mode'}")
        model, precision = trained_model(folder, arm), recipe.training.precision
        asked = AskedArm(loaded, recipe.student, recipe.evaluation, precision, recipe.seed, arm, model)
        found = ask_modes(asked.open(), asked, modes_asked, examples, calibration_of(run, arm))
        results += arm_results(ArmPredictions(arm.name, arm.method, main_mode(arm), found), recipe.seed)
    return results


def _unseen(examples: Sequence[Example], trained: Task) -> Sequence[Example]:
    """The questions that the run's students were neither trained nor chosen on; how many are left out is said."""
    known = {question_key(example.text) for _, example in trained.splits.annotated()}
    kept = [example for example in examples if question_key(example.text) not in known]
    if len(kept) < len(examples):
        left = quantity(len(examples) - len(kept), "question")
        say(f"left out: {left} of {len(examples)}, on which the students were trained or chosen")
    return kept


def _same_file(one: str, other: str) -> bool:
    """Whether both name the same file of the user's."""
    return is_own_file(one) and is_own_file(other) and Path(one).resolve() == Path(other).resolve()
