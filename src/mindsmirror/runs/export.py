"""What a run made, for others to use: its annotations as a data set, a trained student as a file for a runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mindsmirror.delivery import write_dataset
from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.methods import ArmConfig, method_named
from mindsmirror.records import Example, Prediction, Tag
from mindsmirror.runs.description import named_arm, trained_model
from mindsmirror.runs.folder import Run
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe
from mindsmirror.system.files import read_records
from mindsmirror.tasks.base import Task

if TYPE_CHECKING:
    from mindsmirror.delivery.card_facts import CardFacts
    from mindsmirror.delivery.fidelity import Asked
    from mindsmirror.delivery.formats import Source
    from mindsmirror.inference.predictor import Predictor
    from mindsmirror.methods.base import VerdictRequest

QUESTIONS = 100
"""Questions on which an exported student is compared with the trained one."""
ADAPTER = ".lora_"
"""In the names of an adapter's weights (PEFT)."""
TAGS: dict[str, Tag] = {"predict": Tag.PREDICT, "think": Tag.EXPLAIN}


def export_annotations(run: str | Path, out: str | Path, form: str = "parquet") -> dict[str, int]:
    """Write the annotations of a run's folder, with a card, into the folder `out`; returns each split's rows.

    `form` is parquet, datasets or jsonl. DataError if there is no run or nothing to export, or something in `out`
    already; MissingExtraError if the format's library is not installed.
    """
    pipeline = Pipeline.of(run)
    return write_dataset(pipeline.recipe.name, pipeline.annotations(), pipeline.task, form, Path(out))


def export_student(
    run: str | Path,
    out: str | Path,
    to: str = "gguf",
    arm: str | None = None,
    weights: str | Sequence[str] = (),
    questions: int = QUESTIONS,
) -> list[dict[str, object]]:
    """Write the trained student of an arm (by default the last one) into the folder `out`; returns how it compares.

    `to` and `weights` are listed in docs/guide/export.md; without `weights` the format's default is written. What was
    written is loaded in the runtime it is for and asked up to `questions` questions that the student was not trained
    on, beside the trained student. A judge that is an adapter goes with gguf and safetensors; elsewhere `without_judge`
    of a file says that it is missing, and only what the student writes is compared. ModelFileError if it is further off
    than its bounds, and for a student that the format cannot hold; DataError if the arm is not trained, or `out` holds
    something; UnknownNameError for a name that there is not.
    """
    from mindsmirror.delivery.compare import Trained
    from mindsmirror.delivery.model_card import model_card
    from mindsmirror.delivery.student import check_export, write_student

    folder, out = Path(run), Path(out)
    recipe = Run(folder).recipe
    chosen = named_arm(recipe, arm)
    kinds = check_export(to, [weights] if isinstance(weights, str) else weights, trained_model(folder, chosen), out)
    opened = open_student(folder, recipe, chosen, questions)
    trained = Trained(opened.predictor, opened.asked)
    found = write_student(opened.source, to, kinds, out, trained, lambda files: model_card(opened.facts, to, files))
    return [each.model_dump(mode="json") for each in found]


def export_lm_eval(run: str | Path, out: str | Path, arm: str | None = None) -> list[str]:
    """Write the run's test questions into the folder `out` as a task of lm-evaluation-harness; returns its names.

    They ask as the student of an arm (by default the last one) was taught, one part for each of its modes predict and
    think, and score as a run does. DataError if the arm is not trained, no question can be scored, or `out` holds
    something.
    """
    import transformers

    from mindsmirror.delivery.lm_eval import QUESTION, Asked, write_lm_eval
    from mindsmirror.evaluation.evaluate import modes_of
    from mindsmirror.inference.predictor import DIRECT_TOKENS
    from mindsmirror.students.text import opening, tagged, user_turn

    folder = Path(run)
    recipe = Run(folder).recipe
    chosen = named_arm(recipe, arm)
    at = {
        "pretrained_model_name_or_path": str(trained_model(folder, chosen)),
        "trust_remote_code": recipe.student.trust_remote_code,
    }
    tokenizer = transformers.AutoTokenizer.from_pretrained(**at)
    chat = bool(tokenizer.chat_template)
    encoder_decoder = bool(transformers.AutoConfig.from_pretrained(**at).is_encoder_decoder)
    asked = {}
    for mode in modes_of(chosen, ("predict", "think")):
        turn = (tagged if encoder_decoder else user_turn)(TAGS[mode], QUESTION, None)
        # The harness puts a chat template around it, but knows nothing of the line that stands in for one.
        prompt = turn if chat or encoder_decoder else opening(tokenizer, turn)
        asked[mode] = Asked(prompt, DIRECT_TOKENS if mode == "predict" else recipe.evaluation.max_tokens)
    task = Run(folder).task(recipe)
    return write_lm_eval(recipe.name, chosen.name, task, recipe.task, asked, Path(out), chat=chat)


def push_export(run: str | Path, target: str, name: str | None = None, *, public: bool = False) -> tuple[Path, str]:
    """Send what `export` wrote into the run's folder to the hub or to a folder; returns both places.

    `name` is that of a folder in RUN/exports and may be left out where there is only one. DataError if there is no such
    export, or `target` is neither a repository's id nor the path of an empty folder; StorageError if it is refused.
    """
    from mindsmirror.delivery.push import push_folder

    exports = Path(run) / "exports"
    known = sorted(path.name for path in exports.iterdir() if path.is_dir()) if exports.is_dir() else []
    if not known:
        raise DataError(f"{run} has no exports yet. Run `mindsmirror export {run} --to …` first.")
    if name is None and len(known) > 1:
        raise DataError(f"{run} has several exports. Name one with --export: {', '.join(known)}.")
    chosen = known[0] if name is None else name
    if chosen not in known:
        raise UnknownNameError("export", chosen, known)
    return exports / chosen, push_folder(exports / chosen, target, public=public)


class Opened(NamedTuple):
    """A trained student that is ready to be exported and compared."""

    source: "Source"
    predictor: "Predictor"
    asked: "Asked"
    facts: "CardFacts"


def open_student(folder: Path, recipe: Recipe, arm: ArmConfig, questions: int) -> Opened:
    """The student of an arm, what it is asked, and what its card says. DataError if it is not trained."""
    from mindsmirror.delivery.fidelity import Asked
    from mindsmirror.delivery.formats import Source
    from mindsmirror.delivery.gguf_file import About
    from mindsmirror.delivery.model_card import student_licence
    from mindsmirror.evaluation.arms import open_predictor
    from mindsmirror.evaluation.evaluate import main_mode, modes_of
    from mindsmirror.inference.predictor import DIRECT_TOKENS

    model, task = trained_model(folder, arm), Run(folder).task(recipe)
    # In fp32, whatever the run computes in: what the weights say, without the rounding of a processor.
    predictor = open_predictor(task, recipe.student, recipe.evaluation, "fp32", model)
    tags = [TAGS[mode] for mode in modes_of(arm, ("predict", "think"))]
    examples = _examples(task, questions)
    judging = method_named(arm.method).verdict_request(arm)
    judged = _judged(folder, arm.name, examples, questions) if judging else []
    facts = _facts(folder, recipe, arm, task, predictor, tags)
    about = About(facts.name, student_licence(facts.student), f"distilled from {', '.join(facts.teachers)}")
    # Those of a judge that lies over the model as an adapter are not its own.
    own = [weight for name, weight in predictor.model.named_parameters() if ADAPTER not in name]
    parameters = sum(weight.numel() for weight in own)
    room = recipe.student.max_source + max(recipe.evaluation.max_tokens, DIRECT_TOKENS)
    room = min(room, getattr(predictor.model.config, "max_position_embeddings", None) or room)
    return Opened(
        Source(model, recipe.student, about, parameters, room, _adapted(predictor, judging)),
        predictor,
        Asked(examples, main_mode(arm), tags, judging, judged),
        facts,
    )


def _adapted(predictor: "Predictor", judging: "VerdictRequest | None") -> tuple[int, ...]:
    """The last tokens of whatever the judge reads, on which its adapter works; none if it has no adapter."""
    if judging is None or predictor.judge is None:
        return ()
    read = predictor.student.source(judging.tag, "?" if judging.sees_question else None, "!")
    return read[-predictor.student.adapted :]


def _facts(
    folder: Path, recipe: Recipe, arm: ArmConfig, task: Task, predictor: "Predictor", tags: Sequence[Tag]
) -> "CardFacts":
    """What the student's card says of the run."""
    from mindsmirror.delivery.card_facts import CardFacts
    from mindsmirror.reporting.report import read_report

    report = folder / "report.json"
    try:
        prompts = Pipeline.of(folder).prompts
    except RecipeError:
        prompts = None
    return CardFacts(
        name=f"{recipe.name}-{arm.name}",
        arm=arm.name,
        method=arm.method,
        student=recipe.student.model,
        teachers=[teacher.model for teacher in recipe.teacher] or [str(recipe.annotation.file)],
        task=task,
        tags=tags,
        judging=method_named(arm.method).verdict_request(arm),
        prompts=prompts,
        report=read_report(report) if report.exists() else None,
        encoder_decoder=bool(predictor.model.config.is_encoder_decoder),
    )


def _examples(task: Task, count: int) -> list[Example]:
    """Questions that no arm was trained on: of the test, then of validation."""
    examples = [*task.splits.test, *task.splits.valid][:count]
    if not examples:
        raise DataError(f"{task.name} has no test or validation questions to compare an exported student on.")
    return examples


def _judged(folder: Path, arm: str, examples: Sequence[Example], count: int) -> list[tuple[Example, str, bool | None]]:
    """Rationales of the arm that the run holds, the first of every question before the second of any."""
    path = folder / "predictions" / arm / "mirror.jsonl"
    if not path.exists():
        return []
    shown = {example.id: example for example in examples}
    found = [
        (number, shown[prediction.example], sample.text, sample.right)
        for prediction in read_records(path, Prediction)
        if prediction.example in shown
        for number, sample in enumerate(prediction.samples)
        if sample.answer is not None
    ]
    ranked = sorted(found, key=lambda each: each[0])
    return [(example, text, right) for _, example, text, right in ranked[:count]]
