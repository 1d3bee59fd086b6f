"""An exported student held against the trained one: the same questions, each through its own runtime.

Three things are compared. The first token after each question, by the distance of the two distributions: it finds a
wrong conversion before texts do. Greedy rationales and their answers, which is what a user sees; they part at the
first near tie, so few texts stay equal where answers do. And the judge: rounding weights moves probabilities more than
words, and the probability of "correct" is what a user is to rely on. A judge that is an adapter (students/load.py) is
compared only where the file carries it.

A file fails if it is further off than its bounds. Agreement on answers fails only if even the upper end of its 95 %
interval is below the bound, so that a few questions do not condemn a good file.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from mindsmirror.evaluation.metrics import auroc
from mindsmirror.evaluation.statistics import wilson
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor, predict, think
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.records import Example, Mode, Prediction, Tag

CLASSES = 20
"""Right and wrong rationales that it takes of each to hold the AUROC against its bound."""
TOGETHER = 32


class Bounds(NamedTuple):
    """How far off an exported student may be."""

    divergence: float
    """Mean Kullback-Leibler divergence of the first token from the trained student's, in nats."""
    answers: float
    """Least share of questions with the same answer."""
    judge: float
    """Mean distance of the probabilities of "correct"."""
    auroc: float
    """Most that the judge's AUROC may fall."""


EXACT = Bounds(divergence=0.01, answers=0.95, judge=0.02, auroc=0.02)
EIGHT_BITS = Bounds(divergence=0.05, answers=0.85, judge=0.05, auroc=0.05)
FOUR_BITS = Bounds(divergence=0.1, answers=0.5, judge=0.1, auroc=0.1)


class Asked(NamedTuple):
    """What both students are asked."""

    examples: Sequence[Example]
    mode: Mode
    """think or predict: the arm's main mode."""
    tags: Sequence[Tag]
    """Tasks whose first token is compared."""
    judging: VerdictRequest | None
    judged: Sequence[tuple[Example, str, bool | None]]
    """Questions, rationales and whether these are right; empty: those that the trained student writes."""


class Observed(NamedTuple):
    """What a student does with it."""

    logits: Any
    """Of the first token for every tag and question, [B, V]."""
    predictions: list[Prediction]
    seconds: float
    """That the texts of the predictions took."""


class JudgeFidelity(BaseModel):
    """The exported judge against the trained one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rationales: int
    mean_difference: float
    largest_difference: float
    auroc_before: float | None
    auroc_after: float | None


class Fidelity(BaseModel):
    """An exported file against the trained student; shares are of the questions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    weights: str
    bytes: int
    runtime: str
    questions: int
    same_prompts: float | None
    """Prompts that the file's own template and tokenizer turn into the student's tokens; None if it has neither."""
    divergence: float
    same_first_token: float
    same_texts: float
    same_answers: float
    right_before: float | None
    right_after: float | None
    judge: JudgeFidelity | None
    """None if nothing was judged: by the student itself, or by a file without its judge."""
    adapter: str | None = None
    """The file or folder of the adapter that it judges with; None: it judges with its own weights, or not at all."""
    without_judge: str | None = None
    """Why the file does not judge as the student does, and how to have it; None if it does, or if neither judges."""
    tokens_per_second: float
    bounds: Mapping[str, float]
    failed: tuple[str, ...]
    """What is further off than the bounds allow, in words."""

    @property
    def line(self) -> str:
        """The figures in one line."""
        said = (
            f"{self.file}: {self.bytes / 1e6:.1f} MB, same answer to {self.same_answers:.0%} of {self.questions} "
            f"questions, same text {self.same_texts:.0%}, first token {self.divergence:.4f} nats off"
        )
        if self.right_before is not None and self.right_after is not None:
            said += f", right {self.right_before:.0%} before and {self.right_after:.0%} after"
        if self.judge is not None:
            said += f", probability of correct {self.judge.mean_difference:.3f} off"
            if self.judge.auroc_before is not None and self.judge.auroc_after is not None:
                said += f", AUROC {self.judge.auroc_before:.2f} before and {self.judge.auroc_after:.2f} after"
        return f"{said} ({self.runtime})" + (f"; {self.without_judge}" if self.without_judge else "")


def observe(predictor: Predictor, asked: Asked) -> Observed:
    """Ask a student for first tokens and texts."""
    import torch

    student = predictor.student
    sources = [student.source(tag, example.text, None) for tag in asked.tags for example in asked.examples]
    parts = [sources[start : start + TOGETHER] for start in range(0, len(sources), TOGETHER)]
    logits = torch.cat([student.next_logits(predictor.model, part).float() for part in parts])
    began = time.perf_counter()
    predictions = (think if asked.mode == "think" else predict)(predictor, asked.examples)
    return Observed(logits, predictions, time.perf_counter() - began)


def p_correct(predictor: Predictor, asked: Asked, judged: Sequence[tuple[Example, str, bool | None]]) -> list[float]:
    """What a student gives to "correct" on each rationale; none if it was not taught to judge."""
    if asked.judging is None or not judged:
        return []
    texts = [(example.text, rationale) for example, rationale, _ in judged]
    return [share[0] for share in verdict_probabilities(predictor, asked.judging, texts)]


def own_rationales(
    examples: Sequence[Example], predictions: Sequence[Prediction]
) -> list[tuple[Example, str, bool | None]]:
    """The rationales of predictions that reach an answer."""
    pairs = zip(examples, predictions, strict=True)
    return [(example, found.rationale, found.right) for example, found in pairs if found.rationale and found.answer]


def judge_fidelity(
    judged: Sequence[tuple[Example, str, bool | None]], before: Sequence[float], after: Sequence[float]
) -> JudgeFidelity | None:
    """How far two judges' probabilities are apart, and the AUROC of each; None if nothing was judged."""
    if not judged:
        return None
    differences = [abs(one - other) for one, other in zip(before, after, strict=True)]
    known = [index for index, (_, _, right) in enumerate(judged) if right is not None]
    right = [bool(judged[index][2]) for index in known]
    return JudgeFidelity(
        rationales=len(judged),
        mean_difference=sum(differences) / len(differences),
        largest_difference=max(differences),
        auroc_before=auroc([before[index] for index in known], right),
        auroc_after=auroc([after[index] for index in known], right),
    )


def divergence(before: Any, after: Any) -> tuple[float, float]:
    """Mean divergence of the rows' distributions, in nats, and the share of rows with the same likeliest token."""
    import torch

    one, other = (torch.log_softmax(logits.double(), dim=-1) for logits in (before, after))
    apart = (one.exp() * (one - other)).sum(-1).mean()
    same = (one.argmax(-1) == other.argmax(-1)).double().mean()
    return max(0.0, apart.item()), same.item()


def shortfalls(
    bounds: Bounds, apart: float, same_answers: Sequence[bool], judge: JudgeFidelity | None, classes: int
) -> tuple[str, ...]:
    """What is further off than the bounds, in words; `classes` is the smaller number of right and wrong rationales."""
    found = []
    # A divergence that is no number passes no comparison.
    if not apart <= bounds.divergence:
        found.append(f"its first tokens are {apart:.3g} nats off (at most {bounds.divergence:g})")
    share, most = sum(same_answers) / len(same_answers), wilson(sum(same_answers), len(same_answers))[1]
    if most < bounds.answers:
        found.append(f"it gives the same answer to {share:.0%} of the questions (at least {bounds.answers:.0%})")
    if judge is None:
        return tuple(found)
    if not judge.mean_difference <= bounds.judge:
        found.append(f"its probabilities are {judge.mean_difference:.3g} off (at most {bounds.judge:g})")
    if classes >= CLASSES and judge.auroc_before is not None and judge.auroc_after is not None:
        fall = judge.auroc_before - judge.auroc_after
        if fall > bounds.auroc:
            found.append(f"the AUROC of its judge falls by {fall:.3g} (at most {bounds.auroc:g})")
    return tuple(found)
