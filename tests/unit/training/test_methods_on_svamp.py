"""Every method learns from fifty annotated questions of SVAMP: PaLM's recorded rationales, through the annotation loop.

PaLM wrote one rationale a question. What a method needs beyond it is made from the same text by a script in the
teacher's place: a second sample that begins otherwise, a critique, the right equation where PaLM's is wrong, and
the opposite signs where it is right. Parsing, scoring by gold and all checks are those of a real run.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from mindsmirror.annotation.annotate import AnnotationConfig, Annotator, Teacher
from mindsmirror.annotation.imports.step_by_step import read_step_by_step
from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.annotation.prompts import prompts_for
from mindsmirror.annotation.store import Store
from mindsmirror.engines.base import Request
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.methods import check_ready, method_named, method_names, read_arm
from mindsmirror.records import Annotation, DualKind, Example, Parse, Stage
from mindsmirror.students.config import StudentConfig
from mindsmirror.tasks import Task, TaskConfig, load_task
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.encoding import encode
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.objectives.registry import objective_of
from mindsmirror.training.objectives.task_weighted import mean_weights, scales, task_weighted_loss
from mindsmirror.training.stages import ArmPlan, train_arm

DATA = Path(os.environ.get("MINDSMIRROR_DATA", Path(__file__).parents[4] / "shared" / "data"))
PALM = DATA / "dss_palm540b" / "svamp_train.jsonl.gz"
pytestmark = pytest.mark.skipif(
    not PALM.is_file() or not (DATA / "svamp" / "all.jsonl").is_file(),
    reason=f"the benchmark data is not here: {PALM} (MINDSMIRROR_DATA names its folder)",
)
QUESTIONS = 50
SIGNS = str.maketrans("+-*/", "-+/*")
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "minds_mirror": {"schedule": "sequential", "rationale_weights": "verdicts"},
    "edit": {"unlikelihood": 0.5},
}
"""Of the arms, where they are not the defaults: to cover what has no method of its own."""


class Palm:
    """The teacher: what PaLM wrote of each question, and what can be made of it."""

    def __init__(self, examples: Iterable[Example]) -> None:
        written = {rationale.id: rationale.text for rationale in read_step_by_step(PALM)}
        self._written = {example.text: written[example.id] for example in examples}
        self._keys: dict[str, list[str]] = {}

    def __call__(self, request: Request, key: str) -> str:
        prompt = request.messages[-1].content
        if prompt in self._written:
            keys = self._keys.setdefault(prompt, [])
            keys += [key] if key not in keys else []
            return ("", "Let us see. ")[keys.index(key)] + self._written[prompt]
        if "Somebody's solution: " not in prompt:
            return "It uses the numbers of the question as it asks."
        solution, _, wish = prompt.partition("Somebody's solution: ")[2].partition("\n\nThis solution is ")
        thought, _, _ = solution.rpartition("The answer is ")
        if wish.startswith("wrong: the right answer is "):
            answer = wish.removeprefix("wrong: the right answer is ").partition(". Write it again")[0]
            return f"{thought.split('. ')[0]}. The answer is {answer}."
        return solution.translate(SIGNS)


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task(TaskConfig(name="svamp", data_dir=DATA, train=QUESTIONS, valid=1, test=1))


@pytest.fixture(scope="module")
def annotations(task: Task, tmp_path_factory: pytest.TempPathFactory) -> list[Annotation]:
    script = Palm(task.splits.train)
    identity = {"engine": "scripted", "model": "PaLM-540B"}
    teacher = Teacher("PaLM-540B", identity, lambda: ScriptedEngine(script, identity=identity))
    config = AnnotationConfig(rationales=2, self_evaluations=1, rectified=1, corrupted=1)
    judging = JudgeConfig(strategy="informed")
    with Store(tmp_path_factory.mktemp("palm") / "store.sqlite") as store:
        annotator = Annotator(task, prompts_for(task.answers), teacher, teacher, config, judging, store)
        found = {a.example.id: a for a in annotator.run(("train", example) for example in task.splits.train)}
    return [found[example.id] for example in task.splits.train]


def test_the_annotations_are_real_ones(annotations: list[Annotation]) -> None:
    """PaLM is right on 73 % of SVAMP's training questions; both kinds of dual come of that."""
    assert len(annotations) == QUESTIONS
    firsts = [annotation.rationales[0] for annotation in annotations]
    assert sum(first.parse is Parse.OK for first in firsts) >= 45
    assert 30 <= sum(bool(first.right) for first in firsts) <= 45
    usable = [dual for annotation in annotations for dual in annotation.duals if dual.parse is Parse.OK]
    assert all(dual.right is (dual.kind is DualKind.RECTIFIED) for dual in usable)
    kinds = [dual.kind for dual in usable]
    assert min(kinds.count(kind) for kind in DualKind) >= 10


def loss(stage: Stage, folder: Path) -> float:
    """The stage's loss over all that it teaches, of the model in a folder."""
    student = tiny.load(folder)
    # DynSDPB's agreement is with a batch of one step before, and here is no step.
    objective = Likelihood(student) if stage.objective == "dynsdpb" else objective_of(stage, student)
    batches = [objective.collate([family]) for family in encode(stage, objective, max_target=256).families]
    means = mean_weights([batch["term_weights"].tolist() for batch in batches], steps=1)
    scale = scales(objective.factors(stage.task_weights), means)
    with torch.no_grad():
        parts = [task_weighted_loss(*objective.losses(student.model.eval(), b), scale) for b in batches]
    return float(sum(parts))


@pytest.mark.parametrize(
    ("name", "kind"),
    [*((name, "llama") for name in method_names()), *((name, "t5") for name in ("minds_mirror", "edit", "dynsdpb"))],
)
def test_the_loss_of_every_stage_falls(
    name: str, kind: str, annotations: list[Annotation], task: Task, tiny_folder: Any, tmp_path: Path
) -> None:
    arm = read_arm({"name": "arm", "method": name, "labels": "gold", **SETTINGS.get(name, {})})
    check_ready([arm], annotations, "these")
    stages = method_named(name).stages(annotations, task, arm)
    start = tiny_folder(kind)
    # The rate of EDIT's second stage is a fortieth of this.
    config = TrainingConfig(learning_rate=4e-3, budget=Budget(steps=16), batch_tokens=1024, precision="fp32")
    reports = train_arm(ArmPlan(stages, StudentConfig(model=str(start)), config, tmp_path, 0, name, None)).stages
    before = start
    for number, (stage, report) in enumerate(zip(stages, reports, strict=True), start=1):
        last = number == len(stages)
        after = tmp_path / "model" if last else tmp_path / "stages" / f"{number}-{stage.name}" / "model"
        first, then = loss(stage, before), loss(stage, after)
        assert then < first * (0.98 if stage.rate == 1 else 1), (stage.name, first, then)
        assert report.steps > 0 and all(value > 0 for value in report.losses)
        before = after
    terms = {term for report in reports for term in report.task_losses}
    assert ("unlearn_explain" in terms) == (name == "edit") and ("agree_explain" in terms) == (name == "dynsdpb")
