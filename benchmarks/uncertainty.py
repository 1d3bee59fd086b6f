"""How sure a student is of its answers, beside the uncertainty scores of lm-polygraph, on the same test questions.

    pip install lm-polygraph    # some fifty packages: an environment of its own beside this one
    python benchmarks/uncertainty.py runs/leg_counting-reflection-smollm2 --arm minds_mirror --questions 200

lm-polygraph (MIT) has the student of an arm write one greedy rationale for each question, and for what needs them ten
that are drawn, and scores the greedy one. Those of its scores are taken that need no other model, in its default
settings. Ours are those of the run's mode think for the same questions: the calibrated confidence, and what it is made
of. Each is held against whether the answer of its own text is right: AUROC with an interval over questions, and the
share of right answers in the surer half. Prints a table, then one JSON line.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindsmirror.answers.steps import valid_share
from mindsmirror.evaluation.metrics import auroc, auroc_interval
from mindsmirror.evaluation.selective import risk_coverage
from mindsmirror.inference.reading import read_rationale
from mindsmirror.records import Example, Prediction, Tag
from mindsmirror.reporting.verdict_section import with_interval
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.predictions import read_predictions
from mindsmirror.students.load import load_student
from mindsmirror.students.text import user_turn
from mindsmirror.system.hardware import machine

BATCH = 10


def ours(predictions: Sequence[Prediction]) -> dict[str, list[float]]:
    """Scores of the run's own greedy rationales, larger where it is surer; no answer is the least sure."""
    rows = [(each, each.answer is not None) for each in predictions]
    return {
        "confidence": [float(each.confidence or 0.0) if said else -1.0 for each, said in rows],
        "log_probability": [each.log_probability or 0.0 if said else -99.0 for each, said in rows],
        "arithmetic": [valid_share(each.rationale) or 0.0 if said else -1.0 for each, said in rows],
    }


def polygraphs(student: Any, examples: Sequence[Example], max_tokens: int) -> tuple[dict[str, list[float]], list[str]]:
    """lm-polygraph's scores, larger where it is surer, and the greedy texts that they are of."""
    from lm_polygraph import estimators as known
    from lm_polygraph.defaults.register_default_stat_calculators import register_default_stat_calculators
    from lm_polygraph.utils.builder_enviroment_stat_calculator import BuilderEnvironmentStatCalculator
    from lm_polygraph.utils.dataset import Dataset
    from lm_polygraph.utils.manager import UEManager
    from lm_polygraph.utils.model import WhiteboxModel

    student.tokenizer.padding_side = "left"
    model = WhiteboxModel(student.model.eval(), student.tokenizer, "student", "CausalLM", instruct=True)
    asked = [user_turn(Tag.EXPLAIN, example.text, None) for example in examples]
    manager = UEManager(
        Dataset(asked, [""] * len(asked), BATCH),
        model,
        [
            known.MaximumSequenceProbability(),
            known.Perplexity(),
            known.MeanTokenEntropy(),
            known.MeanPointwiseMutualInformation(),
            known.SelfCertainty(),
            known.RenyiNeg(),
            known.FisherRao(),
            known.PTrue(),
            known.LexicalSimilarity("rougeL"),
            known.MonteCarloSequenceEntropy(),
            known.MonteCarloNormalizedSequenceEntropy(),
        ],
        BuilderEnvironmentStatCalculator(model),
        register_default_stat_calculators("Whitebox", output_attentions=False, output_hidden_states=False),
        generation_metrics=[],
        ue_metrics=[],
        processors=[],
        max_new_tokens=max_tokens,
    )
    manager()
    scores = {name: [-float(value) for value in values] for (_, name), values in manager.estimations.items()}
    return scores, manager.stats["greedy_texts"]


def measured(scores: Mapping[str, Sequence[float]], right: Sequence[bool], seed: int) -> dict[str, dict[str, Any]]:
    """What each score is worth; a line of the table for each."""
    found = {}
    for name, values in scores.items():
        area = auroc(values, right)
        interval = auroc_interval(values, right, range(len(right)), seed)
        curve = risk_coverage(values, right)
        half = curve.accuracy_at_half if curve else None
        found[name] = {"auroc": area, "ci95": interval, "surer_half": half}
        if area is not None and half is not None:
            print(f"{name:40} {with_interval(area, interval)}; of the surer half {half:.1%} right")
    return found


def main() -> None:
    """Score, print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--arm", default="minds_mirror")
    parser.add_argument("--questions", type=int, default=200)
    given = parser.parse_args()
    pipeline = Pipeline.of(given.run)
    recipe, task = pipeline.recipe, pipeline.task
    said = read_predictions(given.run / "predictions" / given.arm / "think.jsonl")[: given.questions]
    examples = task.splits.test[: given.questions]
    student = load_student(recipe.student, given.run / "arms" / given.arm / "model")
    theirs, texts = polygraphs(student, examples, recipe.evaluation.max_tokens)
    answers = [read_rationale(task, *each).answer for each in zip(examples, texts, strict=True)]
    right = [bool(task.right(*each)) for each in zip(examples, answers, strict=True)]
    same = sum(a.rationale.strip() == text.strip() for a, text in zip(said, texts, strict=True))
    line = {
        "benchmark": "uncertainty",
        "run": recipe.name,
        "arm": given.arm,
        "questions": len(examples),
        "right": sum(bool(each.right) for each in said),
        "right_of_theirs": sum(right),
        "same_texts": same,
        "ours": measured(ours(said), [bool(each.right) for each in said], recipe.seed),
        "lm_polygraph": measured(theirs, right, recipe.seed),
        "machine": machine(),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
