"""Loads what was exported in the runtime it is for, and compares it with the trained student (fidelity.py)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import cast

from mindsmirror.delivery.fidelity import (
    Asked,
    Bounds,
    Fidelity,
    Observed,
    divergence,
    judge_fidelity,
    observe,
    own_rationales,
    p_correct,
    shortfalls,
)
from mindsmirror.delivery.runtimes.base import CarriesJudge, Runtime, ServedStudent
from mindsmirror.inference.predictor import Predictor
from mindsmirror.records import Example, Prediction, Tag
from mindsmirror.students.base import Student
from mindsmirror.students.text import user_turn
from mindsmirror.system.progress import Working

WITHOUT_JUDGE = (
    "the student judges with an adapter, which this format does not carry, so the file answers and explains but does "
    "not judge; export --to gguf or safetensors has the judge"
)
"""What is said of a file that lacks its judge, by the printed line, fidelity.json and the card."""


class Trained:
    """The trained student with what it does when asked, observed once for all files that are compared with it."""

    def __init__(self, predictor: Predictor, asked: Asked) -> None:
        self.predictor, self.asked = predictor, asked
        with Working("asking the trained student"):
            self.observed: Observed = observe(predictor, asked)
        self.judged = asked.judged or own_rationales(asked.examples, self.observed.predictions)

    @cached_property
    def p_correct(self) -> list[float]:
        """What it gives to "correct" on each rationale that is judged; none if it does not judge."""
        return p_correct(self.predictor, self.asked, self.judged)

    def fidelity(self, path: Path, name: str, weights: str, runtime: Runtime, bounds: Bounds) -> Fidelity:
        """How what is at `path`, loaded in its runtime and called `name` in the figures, compares.

        The judge is left out if it is an adapter that the file does not carry: without it the thinker's weights would
        be compared, which were not taught to judge.
        """
        student = cast(Student, ServedStudent(self.predictor.student, runtime))
        served = replace(self.predictor, student=student, model=None, judge=None)
        carrier = runtime if isinstance(runtime, CarriesJudge) else None
        judging: Predictor | None = served
        if self.predictor.judge is not None:
            judging = carrier.judging(self.predictor) if carrier is not None else None
        with Working(f"asking {name} in {runtime.name}"):
            after = observe(served, self.asked)
            shares = p_correct(judging, self.asked, self.judged) if judging is not None else []
            prompts = same_prompts(self.predictor.student, runtime, self.asked.examples)
        before = self.observed
        apart, same_first = divergence(before.logits, after.logits)
        answers = _same(before.predictions, after.predictions, lambda prediction: prediction.answer)
        texts = _same(
            before.predictions, after.predictions, lambda prediction: prediction.rationale or prediction.answer
        )
        judge = judge_fidelity(self.judged, self.p_correct, shares) if shares else None
        right = [flag for _, _, flag in self.judged if flag is not None]
        failed = shortfalls(bounds, apart, answers, judge, min(sum(right), len(right) - sum(right)))
        if prompts is not None and prompts < 1:
            failed += (f"it reads {1 - prompts:.0%} of the prompts as other tokens than the student",)
        return Fidelity(
            file=name,
            weights=weights,
            bytes=size_of(path),
            runtime=runtime.name,
            questions=len(self.asked.examples),
            same_prompts=prompts,
            divergence=apart,
            same_first_token=same_first,
            same_texts=sum(texts) / len(texts),
            same_answers=sum(answers) / len(answers),
            right_before=_right(before.predictions),
            right_after=_right(after.predictions),
            judge=judge,
            adapter=carrier.adapter if carrier is not None else None,
            without_judge=WITHOUT_JUDGE if judging is None else None,
            tokens_per_second=sum(each.tokens for each in after.predictions) / after.seconds,
            bounds=bounds._asdict(),
            failed=failed,
        )


def same_prompts(student: Student, runtime: Runtime, examples: Sequence[Example]) -> float | None:
    """The share of questions that the file's own template and tokenizer turn into the student's tokens."""
    found = []
    for example in examples:
        tokens = runtime.tokens_of([{"role": "user", "content": user_turn(Tag.EXPLAIN, example.text, None)}])
        if tokens is None:
            return None
        # A student reads the end of a question that is too long for it; a runtime is given all of it.
        read = list(student.source(Tag.EXPLAIN, example.text, None))
        found.append(tokens[-len(read) :] == read)
    return sum(found) / len(found)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return (
        sum(part.stat().st_size for part in path.rglob("*") if part.is_file()) if path.is_dir() else path.stat().st_size
    )


def _same(
    before: Sequence[Prediction], after: Sequence[Prediction], part: Callable[[Prediction], str | None]
) -> list[bool]:
    return [part(one) == part(other) for one, other in zip(before, after, strict=True)]


def _right(predictions: Sequence[Prediction]) -> float | None:
    known = [prediction.right for prediction in predictions if prediction.right is not None]
    return sum(known) / len(known) if known else None
