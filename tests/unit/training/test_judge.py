"""A judge as an adapter: what it goes on from, what it learns, and that the thinker stays as it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from mindsmirror.answers import Number
from mindsmirror.errors import RecipeError
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods import VerdictRequest
from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.base import Student
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import load_judge
from mindsmirror.students.text import VERDICT_WORDS
from mindsmirror.students.verdict_words import first_difference
from mindsmirror.tasks.base import Splits, Task
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.judge import Judged, judge_cost, judge_loss, judged_rows, mean_weight_of, parts_of
from mindsmirror.training.stages import ArmPlan, train_arm

Folder = Callable[..., Path]
KINDS = ("llama", "gemma3", "qwen2", "t5")
THINKING = tiny.lesson((Tag.PREDICT, "2+3?", "5"), (Tag.EXPLAIN, "2+3?", "3 and 2 is 5."), share=0.5)
SUMS = [
    (f"{number}+2?", said, verdict)
    for number in range(8)
    for said, verdict in ((f"It is {number + 2}.", "correct"), (f"Is it 3 + {number}?", "wrong"))
]
CONFIG = TrainingConfig(learning_rate=5e-3, budget=Budget(steps=8), precision="fp32", checkpoints=1)


def judging(passes: int = 40, *more: Target) -> Stage:
    targets = [
        Target(tag=Tag.VERDICT, example=asked, question=asked, rationale=said, text=verdict, ends=False)
        for asked, said, verdict in SUMS
    ]
    return Stage(
        name="self_evaluation",
        targets=(*targets, *more),
        task_weights={Tag.VERDICT: 1.0},
        adapter=True,
        rate=2.0,
        parameters={"passes": passes},
    )


def asked(folder: Path, kind_folder: Path) -> list[tuple[float, ...]]:
    student = tiny.load(folder)
    judge = load_judge(student.model, folder)
    task = Task("sums", 1, "", Number(), Splits((), (), ()))
    predictor = Predictor(student, student.model.eval(), task, batch=5, judge=judge)
    return verdict_probabilities(predictor, VerdictRequest("arm"), [(question, said) for question, said, _ in SUMS])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_and_gone_on_from_gives_the_same_logits(kind: str, tiny_folder: Folder) -> None:
    student: Student = tiny.load(tiny_folder(kind))
    model = student.model.eval()
    begun, words = first_difference(student)
    sources = [student.source(Tag.VERDICT, question, said) for question, said, _ in SUMS]
    expected = student.next_logits(model, sources, begun)[:, list(words)]
    read = student.read(model, sources)
    for _ in range(2):
        # What was read is not used up.
        torch.testing.assert_close(student.after(model, read, begun, words), expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(("kind", "precision"), [*((kind, "fp32") for kind in KINDS), ("llama", "bf16")])
def test_a_judge_learns_and_the_thinker_stays(kind: str, precision: str, tiny_folder: Folder, tmp_path: Path) -> None:
    student = StudentConfig(model=str(tiny_folder(kind)), lora_rank=8)
    config = CONFIG.model_copy(update={"precision": precision})
    alone, judged = (
        train_arm(ArmPlan(stages, student, config, tmp_path / name, 3, "arm")).stages
        for name, stages in (("alone", [THINKING]), ("judged", [THINKING, judging()]))
    )
    before, after = ((tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("alone", "judged"))
    assert before == after
    assert judged[0].losses == alone[0].losses
    losses = judged[1].losses
    assert losses[-1] < 0.5 * losses[0]
    shares = asked(tmp_path / "judged" / "model", tiny_folder(kind))
    said = [VERDICT_WORDS[share.index(max(share))] for share in shares]
    right = sum(word == verdict for word, (*_, verdict) in zip(said, SUMS, strict=True))
    assert right >= 14
    assert load_judge(tiny.load(tmp_path / "alone" / "model").model, tmp_path / "alone" / "model") is None


def test_a_judge_that_is_done_is_not_trained_again_and_a_lost_one_is_the_same(
    tiny_folder: Folder, tmp_path: Path
) -> None:
    student = StudentConfig(model=str(tiny_folder("llama")), lora_rank=4)
    plan = ArmPlan([THINKING, judging(3)], student, CONFIG, tmp_path, 3, "arm")
    first = train_arm(plan).stages
    file = tmp_path / "model" / "judge" / "adapter_model.safetensors"
    written, changed = file.read_bytes(), file.stat().st_mtime_ns
    assert train_arm(plan).stages == first
    assert file.stat().st_mtime_ns == changed
    for left in file.parent.iterdir():
        left.unlink()
    file.parent.rmdir()
    train_arm(plan)
    assert file.read_bytes() == written


def test_the_steps_of_a_pass_teach_on_average_what_all_rationales_say() -> None:
    """A last step of one rationale counts as that one, and a step of rare verdicts as much as they weigh."""
    draw = torch.Generator().manual_seed(0)
    weights = [(0.5, 0.0, 0.0)] * 30 + [(0.0, 4.0, 0.0)] * 3
    rows = [Judged((number,), weight) for number, weight in enumerate(weights)]
    logits = torch.randn((len(rows), 3), generator=draw, requires_grad=True)
    whole = -(torch.tensor(weights) * logits.log_softmax(-1)).sum() / torch.tensor(weights).sum()
    (expected,) = torch.autograd.grad(whole, logits)
    mean = mean_weight_of(rows)
    steps = [[row.source[0] for row in part] for part in parts_of(rows)]
    assert [len(step) for step in steps] == [16, 16, 1]
    losses = [judge_loss(logits[step], torch.tensor([weights[row] for row in step]), mean) for step in steps]
    (found,) = torch.autograd.grad(sum(losses, torch.zeros(())) / len(steps), logits)
    torch.testing.assert_close(found, expected)


def test_verdicts_weigh_as_often_as_they_were_given(tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder("llama"))
    twice = Target(tag=Tag.VERDICT, example="0+2?", question="0+2?", rationale="It is 2.", text="wrong", weight=3.0)
    critique = Target(tag=Tag.CRITIQUE, example="0+2?", question="0+2?", rationale="It is 2.", text="It is right.")
    rows = judged_rows(judging(1, twice, critique), student)
    assert len(rows) == len(SUMS)
    assert sorted(row.weights for row in rows)[-1] == (1.0, 3.0, 0.0)
    assert sum(sum(row.weights) for row in rows) == len(SUMS) + 3


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_budget_in_flops_pays_for_the_judge_first(kind: str, tiny_folder: Folder, tmp_path: Path) -> None:
    student = StudentConfig(model=str(tiny_folder(kind)), lora_rank=1)

    def trained(flops: float) -> tuple[Any, ...]:
        config = CONFIG.model_copy(update={"budget": Budget(flops=flops)})
        return train_arm(ArmPlan([THINKING, judging(2)], student, config, tmp_path / f"{flops}", 3, "arm")).stages

    thought, judged = trained(1e9)
    assert thought.flops + judged.flops == pytest.approx(1e9, rel=0.05)
    with pytest.raises(RecipeError, match=r"the judge of arm alone costs .* FLOPs, and .* are left"):
        trained(judged.flops / 2)


def test_a_pass_costs_little_beside_reading(tiny_folder: Folder) -> None:
    from mindsmirror.students.flops import unit_flops_of

    student = tiny.load(tiny_folder("llama"))
    units = unit_flops_of(student.model, frozen=True)
    rows = judged_rows(judging(), student)
    one, two = (judge_cost(rows, passes, student, units) for passes in (1, 2))
    length = sum(len(row.source) for row in rows) / len(rows)
    # Four tokens forward and backward in place of all of them; reading is forward only.
    assert (two.flops - one.flops) / two.flops < 2 * 4 / length + 0.2
    assert two.computed_tokens - one.computed_tokens == 4 * len(rows)


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_without_room_everything_is_read_in_every_pass_and_learnt_alike(
    kind: str, tiny_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = StudentConfig(model=str(tiny_folder(kind)), lora_rank=4)

    def trained(name: str) -> Any:
        return train_arm(ArmPlan([THINKING, judging(3)], student, CONFIG, tmp_path / name, 3, "arm")).stages[1]

    kept = trained("kept")
    monkeypatch.setattr("mindsmirror.training.judge.ROOM", 0)
    again = trained("again")
    assert again.losses == kept.losses
    first, second = ((tmp_path / name / "model/judge/adapter_model.safetensors") for name in ("kept", "again"))
    assert first.read_bytes() == second.read_bytes()
    assert again.flops > 1.5 * kept.flops


@pytest.mark.filterwarnings("error")
def test_a_judge_is_trained_and_loaded_without_a_warning(tiny_folder: Folder, tmp_path: Path) -> None:
    student = StudentConfig(model=str(tiny_folder("llama")), lora_rank=1)
    train_arm(ArmPlan([THINKING, judging(1)], student, CONFIG, tmp_path, 3, "arm"))
    assert load_judge(tiny.load(tmp_path / "model").model, tmp_path / "model") is not None
