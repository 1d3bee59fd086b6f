"""How texts become predictions, and that neither batches nor what ran before change them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from plain import without_log_probabilities
from torch import Tensor

from mindsmirror.answers import Number
from mindsmirror.inference.predictor import DIRECT_TOKENS, Predictor, predict, sample_rationales, think
from mindsmirror.records import Example, Parse, Tag
from mindsmirror.students.base import Batch, Student, TokenisedTarget
from mindsmirror.students.decoding import GeneratedText, SamplingParams
from mindsmirror.students.flops import Work
from mindsmirror.tasks.base import Splits, Task

SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))


def examples(*questions: str, gold: str | None = "5") -> list[Example]:
    return [Example(id=f"id {question}", text=question, gold=gold) for question in questions]


class Scripted:
    """Says what it is told to say to a question, sample by sample, and keeps how it was asked."""

    model: Any = None
    tokenizer: Any = None
    trees = False
    adapted = 0

    def __init__(self, says: Mapping[str, Sequence[GeneratedText]]) -> None:
        self.says = says
        self.asked: list[tuple[list[str], int, int, float]] = []

    def source(
        self, tag: Tag, question: str | None, rationale: str | None, *, in_words: bool = False
    ) -> tuple[int, ...]:
        return tuple(map(ord, f"{tag.value}{' in words' if in_words else ''}|{question}"))

    def generate(
        self, model: Any, sources: Sequence[Sequence[int]], sampling: SamplingParams
    ) -> list[list[GeneratedText]]:
        read = ["".join(map(chr, source)) for source in sources]
        self.asked.append((read, sampling.max_tokens, sampling.samples, sampling.temperature))
        return [list(self.says[text.split("|")[1]][: sampling.samples]) for text in read]

    def target(self, text: str) -> tuple[int, ...]:
        raise AssertionError

    def size(self, rows: Sequence[TokenisedTarget]) -> int:
        raise AssertionError

    def collate(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Batch:
        raise AssertionError

    def work(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Work:
        raise AssertionError

    def logits(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        raise AssertionError

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        raise AssertionError

    def next_logits(self, model: Any, sources: Sequence[Sequence[int]], begun: Sequence[int] = ()) -> Tensor:
        raise AssertionError

    def read(self, model: Any, sources: Sequence[Sequence[int]]) -> Any:
        raise AssertionError

    def reading_work(self, sources: Sequence[Sequence[int]]) -> Work:
        raise AssertionError

    def after(self, model: Any, read: Any, begun: Sequence[int], words: Sequence[int]) -> Tensor:
        raise AssertionError


def predictor(student: Student, **settings: Any) -> Predictor:
    return Predictor(student, student.model, SUMS, **settings)


def wrote(text: str, *, ended: bool = True) -> GeneratedText:
    return GeneratedText(text, len(text.split()) + ended, ended)


@pytest.mark.parametrize(
    ("text", "answer", "right", "parse"),
    [
        ("5", "5", True, Parse.OK),
        ("5.0", "5", True, Parse.OK),
        ("The answer is 5.", "5", True, Parse.OK),
        ("7 apples", "7", False, Parse.OK),
        ("", None, False, Parse.EMPTY),
        ("apples", None, False, Parse.BAD_ANSWER),
    ],
)
def test_an_answer_alone_or_in_a_sentence(text: str, answer: str | None, right: bool, parse: Parse) -> None:
    student = Scripted({"Q": [wrote(text)]})
    [found] = predict(predictor(student), examples("Q"))
    assert (found.example, found.mode) == ("id Q", "predict")
    assert (found.answer, found.right, found.parse) == (answer, right, parse)
    assert (found.rationale, found.confidence, found.tokens) == ("", None, len(text.split()) + 1)
    assert found.unread == found.written == (text if answer is None else "")
    assert student.asked == [(["predict|Q"], DIRECT_TOKENS, 1, 0.0)]


@pytest.mark.parametrize(
    ("text", "ended", "answer", "parse"),
    [
        ("2 and 3 is 5. The answer is 5.", True, "5", Parse.OK),
        ("2 and 3 is 5.", True, None, Parse.NO_ANSWER),
        ("2 and 3 is", False, None, Parse.TRUNCATED),
        ("2 and 3. The answer is 5", False, None, Parse.TRUNCATED),
        ("The answer is nothing.", True, None, Parse.BAD_ANSWER),
    ],
)
def test_a_train_of_thought_answers_at_its_end(text: str, ended: bool, answer: str | None, parse: Parse) -> None:
    student = Scripted({"Q": [wrote(text, ended=ended)]})
    [found] = think(predictor(student, max_tokens=77), examples("Q"))
    assert (found.mode, found.rationale, found.answer, found.parse) == ("think", text, answer, parse)
    assert found.right is (answer == "5") and (found.unread, found.written) == ("", text)
    assert student.asked == [(["explain|Q"], 77, 1, 0.0)]


def test_without_gold_nothing_is_right_or_wrong() -> None:
    [found] = predict(predictor(Scripted({"Q": [wrote("5")]})), examples("Q", gold=None))
    assert (found.answer, found.right) == ("5", None)


def test_the_untrained_are_asked_in_words() -> None:
    student = Scripted({"Q": [wrote("5")]})
    predict(predictor(student, in_words=True), examples("Q"))
    assert student.asked[0][0] == ["predict in words|Q"]


def test_order_is_restored_and_batches_are_of_like_length() -> None:
    questions = ["four", "a", "seventeen words", "bb", "ccc"]
    student = Scripted({question: [wrote(str(len(question)))] for question in questions})
    done: list[int] = []
    found = predict(predictor(student, batch=2, progress=done.append), examples(*questions))
    assert [(p.example, p.answer) for p in found] == [(f"id {q}", str(len(q))) for q in questions]
    assert [[text.split("|")[1] for text in call[0]] for call in student.asked] == [
        ["a", "bb"],
        ["ccc", "four"],
        ["seventeen words"],
    ]
    assert done == [2, 2, 1]


def test_samples_of_every_question() -> None:
    said = [wrote("Hm. The answer is 5."), wrote("Hm. The answer is 6."), wrote("Hm.", ended=False)]
    student = Scripted({"Q": said, "R": said[::-1]})
    done: list[int] = []
    first, second = sample_rationales(
        predictor(student, batch=3, progress=done.append), examples("Q", "R"), 3, 0.7, seed=1
    )
    assert [(s.text, s.answer, s.right, s.p_correct, s.tokens) for s in first] == [
        ("Hm. The answer is 5.", "5", True, None, 6),
        ("Hm. The answer is 6.", "6", False, None, 6),
        ("Hm.", None, False, None, 1),
    ]
    assert second == first[::-1]
    assert [(len(call[0]), call[2], call[3]) for call in student.asked] == [(1, 3, 0.7), (1, 3, 0.7)]
    assert done == [3, 3]


QUESTIONS = ("2+3?", "Tom has 3 nuts and finds 2. How many?", "7?", "Is 5 more than 2+2 or not?", "5-0?")


@pytest.mark.parametrize("kind", tiny.FAMILIES)
def test_greedy_texts_do_not_depend_on_the_batch(kind: str, tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder(kind))
    student.model.eval()
    asked = examples(*QUESTIONS)
    alone, together = (
        [
            without_log_probabilities(think(predictor(student, max_tokens=10, batch=size), asked)),
            without_log_probabilities(predict(predictor(student, batch=size), asked)),
        ]
        for size in (1, 64)
    )
    assert alone == together
    assert len({p.rationale for p in alone[0]}) > 1


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_samples_depend_on_the_seed_alone(kind: str, tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder(kind, spread=0.05))
    student.model.eval()
    ready = predictor(student, max_tokens=8, batch=6)
    asked = examples(*QUESTIONS)
    first = sample_rationales(ready, asked, 3, 1.0, seed=4)
    predict(ready, asked)
    torch.manual_seed(99)
    assert sample_rationales(ready, asked, 3, 1.0, seed=4) == first
    assert sample_rationales(ready, asked, 3, 1.0, seed=5) != first
    assert len({sample.text for samples in first for sample in samples}) == 15
