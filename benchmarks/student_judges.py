"""What tells a student's right rationales from its wrong ones: its own judge beside what needs no judge.

    python benchmarks/student_judges.py runs/leg_counting-reflection-smollm2 --arm minds_mirror

The rationales are those that an arm wrote for its test questions in the mode mirror. Each is scored by
- `judge`: the student's own verdict, as the run has it;
- `agreement`, `log_probability`, `arithmetic`: what the mirror takes from the texts themselves;
- `untrained`: the probability that the student before any training gives to "(A) True" (Kadavath et al., 2022,
  arXiv 2207.05221), asked in words through its chat template;
- `probe`: a logistic regression on what the trained student's head is given at the last token of a rationale. It is
  fitted to the rationales that the arm learnt from, the teacher's and its own, by gold. Its strength is chosen by
  folds of questions.
Rationales that reach no answer are left out, as an election leaves them out. AUROC over all and within questions, with
intervals over whole questions. Prints a table, then one JSON line.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mindsmirror.evaluation.metrics import auroc, auroc_interval, auroc_within
from mindsmirror.inference.confidence import Feature, candidates, features_of
from mindsmirror.inference.predictor import inference_model
from mindsmirror.records import Annotation, Tag
from mindsmirror.reporting.verdict_section import with_interval, within
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.predictions import read_predictions
from mindsmirror.runs.reflection import written_by
from mindsmirror.students.base import Student, pad
from mindsmirror.students.load import load_student
from mindsmirror.students.output_head import head_in_fp32, selected_logits, selected_states
from mindsmirror.system.hardware import machine
from mindsmirror.system.progress import Progress

IS_IT_TRUE = "Is this solution:\n(A) True\n(B) False"
BEGUN = "The solution is: ("
"""How the untrained student's reply begins."""
FREE: tuple[Feature, ...] = ("verdict", "agreement", "log_probability", "arithmetic")
TOGETHER = 16
FOLDS = 5

Tokens = tuple[int, ...]


class Written(NamedTuple):
    """A rationale, what it is about, and whether its answer is right."""

    question: str
    name: str
    """The question's id."""
    text: str
    right: bool


def tested(pipeline: Pipeline, arm: str) -> tuple[list[Written], dict[str, list[float]]]:
    """The arm's test rationales that reach an answer, and what the run already knows of each."""
    known = {example.id: example for example in pipeline.task.splits.test}
    written: list[Written] = []
    scores: dict[str, list[float]] = {name: [] for name in FREE}
    for each in read_predictions(pipeline.run.folder / "predictions" / arm / "mirror.jsonl"):
        example = known[each.example]
        features = features_of(each.samples, candidates(pipeline.task, example, each.samples))
        for sample, found in zip(each.samples, features, strict=True):
            if found is None or sample.right is None:
                continue
            written.append(Written(example.text, example.id, sample.text, sample.right))
            for name in FREE:
                value = found[name]
                scores[name].append(0.0 if value is None else value)
    return written, scores


def learnt(pipeline: Pipeline, arm: str) -> list[Written]:
    """The rationales that the arm learnt from: the teacher's about the training questions, and its own."""
    [config] = [each for each in pipeline.recipe.arm if each.name == arm]
    teachers = pipeline.annotations().where(lambda annotation: annotation.split == "train")
    return [row for each in (*teachers, *written_by(pipeline.run, config)) for row in rows_of(each)]


def rows_of(annotation: Annotation) -> Iterator[Written]:
    """An annotation's rationales that are known to be right or wrong."""
    example = annotation.example
    for rationale in annotation.rationales:
        if rationale.right is not None and rationale.answer is not None:
            yield Written(example.text, example.id, rationale.text, rationale.right)


@torch.inference_mode()
def after_last(rows: Sequence[Tokens], label: str, read: Callable[..., torch.Tensor]) -> NDArray[np.float64]:
    """What `read` gives of the last token of each row, [N, D]; it is given flat places and what the model takes.

    Rows of similar length are read together, padded on the left.
    """
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
    found: dict[int, list[float]] = {}
    with Progress(label, len(rows), "rationales") as progress:
        for begin in range(0, len(order), TOGETHER):
            part = order[begin : begin + TOGETHER]
            tokens, mask = pad([rows[place] for place in part], 0, left=True)
            last = torch.arange(tokens.shape[1] - 1, tokens.numel(), tokens.shape[1])
            positions = (mask.cumsum(1) - 1).clamp(min=0)
            values = read(last, input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False)
            found.update(zip(part, values.float().tolist(), strict=True))
            progress.update(len(found))
    return np.array([found[place] for place in range(len(rows))])


def untrained_scores(student: Student, model: Any, written: Sequence[Written]) -> list[float]:
    """Log-odds of "A" against "B" as the next token, of each rationale."""
    tokenizer = student.tokenizer
    words = [tokenizer(letter, add_special_tokens=False).input_ids[0] for letter in "AB"]
    rows = []
    for row in written:
        turns = [
            {"role": "user", "content": row.question},
            {"role": "assistant", "content": row.text},
            {"role": "user", "content": IS_IT_TRUE},
        ]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        rows.append(tuple(tokenizer(text + BEGUN, add_special_tokens=False).input_ids))
    with head_in_fp32(model):
        logits = after_last(
            rows,
            "asking the untrained student",
            lambda last, **given: selected_logits(model, last, **given)[0][:, words],
        )
    found: list[float] = (logits[:, 0] - logits[:, 1]).tolist()
    return found


def states(student: Student, model: Any, written: Sequence[Written], label: str) -> NDArray[np.float64]:
    """What the head is given at the last token of each rationale, [N, D]."""
    rows = [
        (
            *student.source(Tag.EXPLAIN, row.question, None),
            *student.tokenizer(row.text, add_special_tokens=False).input_ids,
        )
        for row in written
    ]
    return after_last(rows, label, partial(selected_states, model))


def probe_scores(student: Student, model: Any, known: Sequence[Written], written: Sequence[Written]) -> list[float]:
    """Log-odds of a right rationale, by a regression fitted to the known ones."""
    groups = [row.name for row in known]
    folds = list(GroupKFold(min(FOLDS, len(set(groups)))).split(groups, groups=groups))
    regression = LogisticRegressionCV(
        Cs=np.logspace(-5, 0, 6),
        cv=folds,
        scoring="neg_log_loss",
        max_iter=2000,
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    probe = make_pipeline(StandardScaler(), regression)
    probe.fit(states(student, model, known, "reading what was learnt"), [row.right for row in known])
    found: list[float] = probe.decision_function(states(student, model, written, "reading what was written")).tolist()
    return found


def main() -> None:
    """Score, print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--arm", default="minds_mirror")
    given = parser.parse_args()
    pipeline = Pipeline.of(given.run)
    recipe = pipeline.recipe
    written, scores = tested(pipeline, given.arm)
    scores["judge"] = scores.pop("verdict")
    student = load_student(recipe.student)
    scores["untrained"] = untrained_scores(student, inference_model(student.model, "auto"), written)
    student = load_student(recipe.student, given.run / "arms" / given.arm / "model")
    known = learnt(pipeline, given.arm)
    scores["probe"] = probe_scores(student, inference_model(student.model, "auto"), known, written)
    right, names = [row.right for row in written], [row.name for row in written]
    line: dict[str, Any] = {
        "benchmark": "student_judges",
        "run": recipe.name,
        "arm": given.arm,
        "seed": recipe.seed,
        "rationales": len(written),
        "right": sum(right),
        "probe_learnt": len(known),
        "scores": {},
    }
    for name, values in scores.items():
        overall, drawn = auroc(values, right), auroc_interval(values, right, names, recipe.seed)
        if overall is None:
            raise SystemExit("every rationale is right, or none is: there is nothing to tell apart")
        found = auroc_within(values, right, names, recipe.seed)
        line["scores"][name] = {"auroc": overall, "ci95": drawn, "within": found.auroc, "within_ci95": found.ci95}
        line |= {"pairs": found.pairs, "questions": found.questions}
        print(f"{name:16} {with_interval(overall, drawn)}; within questions {within(found)}")
    print(json.dumps({**line, "machine": machine()}), flush=True)


if __name__ == "__main__":
    main()
