"""A tiny Llama with a byte-level tokenizer that llama.cpp can read, as a student's folder, and what it is asked."""

from collections.abc import Sequence
from pathlib import Path

import tiny
import tiny_gguf

from mindsmirror.answers import Number
from mindsmirror.delivery.compare import Trained
from mindsmirror.delivery.fidelity import Asked, Fidelity
from mindsmirror.delivery.formats import Source
from mindsmirror.delivery.gguf_file import About
from mindsmirror.inference.predictor import Predictor, inference_model
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.models.gguf import read_gguf
from mindsmirror.records import Example, Stage, Tag, Target
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import JUDGE, load_judge, load_student, save_student
from mindsmirror.tasks.base import Splits, Task
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.stages import ArmPlan, train_arm

QUESTIONS = ("How many legs do 2 cows have?", "And 31 bees, in all?", "Is it raining?", "What is\n  7 + 5?")
TASK = Task("legs", 1, "MIT", Number(), Splits((), (), ()))
ABOUT = About("tiny-mirror", "apache-2.0", "made by a test")


def student_folder(folder: Path) -> Path:
    """The student of tiny_gguf.py as Transformers saves it; `folder` also holds the file that it was read from."""
    folder.mkdir(parents=True, exist_ok=True)
    save_student(*read_gguf(tiny_gguf.write(folder / "tiny.gguf", "F32")), folder / "student")
    return folder / "student"


def judging_folder(folder: Path, student: Path) -> Path:
    """The student after a training in which an adapter learnt to judge; all that was made is in `folder`."""
    thinking = tiny.lesson((Tag.PREDICT, "2+3?", "5"), (Tag.EXPLAIN, "2+3?", "3 and 2 is 5."), share=0.5)
    verdicts = [
        Target(tag=Tag.VERDICT, example=asked, question=asked, rationale=said, text=verdict, ends=False)
        for asked in QUESTIONS
        for said, verdict in (("The answer is 8.", "correct"), ("It is 3.", "wrong"))
    ]
    judging = Stage(
        name="self_evaluation",
        targets=tuple(verdicts),
        task_weights={Tag.VERDICT: 1.0},
        adapter=True,
        rate=2.0,
        parameters={"passes": 10},
    )
    config = TrainingConfig(learning_rate=5e-3, budget=Budget(steps=2), precision="fp32", checkpoints=1)
    start = StudentConfig(model=str(student), lora_rank=4)
    train_arm(ArmPlan([thinking, judging], start, config, folder, 3, "arm"))
    return folder / "model"


def source(folder: Path) -> Source:
    """The student to be exported."""
    adapted: tuple[int, ...] = ()
    if (folder / JUDGE).is_dir():
        student = load_student(StudentConfig(model=str(folder)))
        adapted = student.source(Tag.VERDICT, QUESTIONS[0], "It is 3.")[-student.adapted :]
    return Source(folder, StudentConfig(model=str(folder)), ABOUT, 150_000, 512, adapted)


def trained(folder: Path, questions: Sequence[str] = QUESTIONS, max_tokens: int = 12) -> Trained:
    """The student, asked."""
    student = load_student(StudentConfig(model=str(folder)))
    examples = [Example(id=str(number), text=text, gold="8") for number, text in enumerate(questions)]
    judge = load_judge(student.model, folder)
    predictor = Predictor(student, inference_model(student.model, "fp32"), TASK, max_tokens, 8, judge=judge)
    judged = [(example, f"Think of {example.id}. The answer is 8.", example.id in "02") for example in examples]
    return Trained(predictor, Asked(examples, "think", [Tag.PREDICT, Tag.EXPLAIN], VerdictRequest("mirror"), judged))


def card(found: Sequence[Fidelity]) -> str:
    """A card that names the files."""
    return "".join(f"{each.file}\n" for each in found)
