"""What each way of judging is worth: every strategy on the same rationales, held against gold.

The rationales are those of a recipe's first teacher, of questions spread evenly over the training questions that the
store has them of (with `--ask` over all, if those are too few). `consensus` and
`informed` follow from their answers. `plain` and `likelihood:ENGINE` take what the store holds, and with `--ask` the
judge (the recipe's judging teacher, for a likelihood its model by the engine that is named) is asked for the rest; the
samples are stored like all others. A likelihood has three rows: as it was given, with one half as its threshold, and
calibrated against the consensus and against gold, by what was fitted to other questions. Balanced accuracy, precision
and recall are of the verdicts that decide; intervals are over whole questions. Prints a table, then one JSON line.

    python benchmarks/judges.py RECIPE [--store runs/store.sqlite] [--ask] [--rationales 400] [--set KEY=VALUE]
        [--judges plain consensus informed likelihood:openvino likelihood:llama_cpp]
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindsmirror.annotation.annotate import Annotator
from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.calibration import calibrated
from mindsmirror.annotation.judges import JudgeConfig, consensus, informed
from mindsmirror.annotation.reading import answers_of
from mindsmirror.annotation.samples import Account
from mindsmirror.annotation.store import Store
from mindsmirror.engines import TeacherConfig, engine_names
from mindsmirror.evaluation.metrics import auroc, auroc_interval, verdict_quality
from mindsmirror.records import Annotation, CalibrationTarget, Example, Purpose, Verdict
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe, read_recipe
from mindsmirror.system.hardware import machine

JUDGES = ("plain", "consensus", "informed", "likelihood:openvino", "likelihood:llama_cpp")
SPARE = 1.1
"""Questions that are taken, for each that would be enough if every rationale parsed."""
NO_MORE = BudgetConfig(tokens=0)


@dataclass
class Judged:
    """What one judge said of the rationales that are known to be right or wrong, and what it cost."""

    judge: str
    verdicts: list[tuple[Verdict, bool]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    """The probability of "correct" of each, from judges that give one of every rationale that they judge."""
    tokens: int = 0
    seconds: float = 0.0

    def add(self, question: str, verdict: Verdict, right: bool, share: float | None = None) -> None:
        """Count one self-evaluation."""
        self.verdicts.append((verdict, right))
        self.questions.append(question)
        if share is not None:
            self.shares.append(share)

    def row(self) -> dict[str, Any]:
        """Its line of the table."""
        quality = verdict_quality(self.verdicts, self.questions)
        flags = [right for _, right in self.verdicts]
        ordered = len(self.shares) == len(flags) > 0
        return {
            "judge": self.judge,
            "n": quality.n,
            "right": quality.right,
            "balanced_accuracy": quality.balanced_accuracy,
            "ci95": quality.balanced_accuracy_ci95,
            "auroc": auroc(self.shares, flags) if ordered else None,
            "auroc_ci95": auroc_interval(self.shares, flags, self.questions, 0) if ordered else None,
            "precision_correct": quality.precision_correct,
            "recall_correct": quality.recall_correct,
            "precision_wrong": quality.precision_wrong,
            "recall_wrong": quality.recall_wrong,
            "majority_baseline": quality.majority_baseline,
            "uncertain": quality.uncertain / max(1, quality.n),
            "unparsed": quality.unparsed / max(1, quality.n),
            "tokens_a_self_evaluation": self.tokens / max(1, quality.n),
            "seconds": self.seconds,
        }


class Bench:
    """A recipe's questions and store, to be judged in many ways."""

    def __init__(self, recipe: Recipe, store: Path, rationales: int, ask: bool) -> None:
        self.recipe, self.store, self.ask = recipe, store, ask
        self.task = Pipeline(recipe).task
        self.questions: list[Example] = [example for example in self.task.splits.train if example.gold is not None]
        stored = {
            account.annotation.example.id for account in self.read(recipe, recipe.judge, 0, NO_MORE) if account.complete
        }
        wanted = math.ceil(SPARE * rationales / recipe.annotation.rationales)
        pool = [example for example in self.questions if example.id in stored]
        if ask and len(pool) < wanted:
            pool = self.questions
        if not pool:
            sys.exit(f"{store} holds no rationales of this recipe's teacher; --ask asks for them")
        count = min(len(pool), wanted)
        self.questions = [pool[number * len(pool) // count] for number in range(count)]

    def read(self, recipe: Recipe, judging: JudgeConfig, evaluations: int, budget: BudgetConfig) -> list[Account]:
        """The questions' accounts under a recipe's teachers, what the store lacks asked for within the budget."""
        pipeline = Pipeline(recipe)
        config = recipe.annotation.model_copy(update={"self_evaluations": evaluations, "budget": budget, "repairs": 0})
        writer, judge = pipeline.teachers[0], pipeline.teachers[judging.teacher]
        with Store(self.store) as store:
            annotator = Annotator(self.task, pipeline.prompts, writer, judge, config, judging, store, "judges")
            return list(annotator.accounts(("train", example) for example in self.questions))

    def annotate(self, recipe: Recipe, judging: JudgeConfig, evaluations: int) -> tuple[list[Account], float]:
        """The accounts, nothing lacking, and the seconds that it took."""
        began = time.perf_counter()
        found = self.read(recipe, judging, evaluations, BudgetConfig() if self.ask else NO_MORE)
        lacking = sum(account.unasked for account in found)
        if lacking:
            sys.exit(f"{self.store} lacks {lacking} samples of {judging.strategy}; --ask asks for them")
        return found, time.perf_counter() - began

    def judged(self, judge: str) -> list[Judged]:
        """What a judge says; a likelihood in its three forms."""
        strategy, _, engine = judge.partition(":")
        if strategy in ("consensus", "informed"):
            return [self._known(strategy)]
        recipe, judging = self.recipe, self.recipe.judge
        if engine:
            model = recipe.teacher[judging.teacher]
            other = TeacherConfig.model_validate({"model": model.model, "path": model.path, "engine": engine})
            recipe = recipe.model_copy(update={"teacher": (*recipe.teacher, other)})
            judging = judging.model_copy(update={"teacher": len(recipe.teacher) - 1})
        judging = JudgeConfig(
            strategy="likelihood" if engine else "plain",
            teacher=judging.teacher,
            temperature=judging.temperature,
            max_tokens=judging.max_tokens,
        )
        accounts, seconds = self.annotate(recipe, judging, 1)
        annotations = [account.annotation for account in accounts]
        forms = {judge: annotations}
        if engine:
            forms = {f"{judge}, raw": annotations}
            forms |= {
                f"{judge}, by {grounds}": calibrated(annotations, self.task, grounds) for grounds in CalibrationTarget
            }
        tokens = sum(account.usage[Purpose.SELF_EVALUATION].tokens for account in accounts)
        return [_said(name, form, tokens, seconds) for name, form in forms.items()]

    def _known(self, strategy: str) -> Judged:
        """A judge whose verdicts follow from the answers: nobody is asked."""
        found = Judged(strategy)
        for account in self.annotate(self.recipe, self.recipe.judge, 0)[0]:
            annotation = account.annotation
            answers = answers_of(annotation.example, annotation.rationales, self.task)
            ruling = informed(self.task, annotation.example, answers) if strategy == "informed" else consensus(answers)
            for rationale in annotation.rationales:
                if rationale.right is not None:
                    found.add(annotation.example.id, ruling.verdicts[rationale.sample], rationale.right)
        return found


def _said(name: str, annotations: Sequence[Annotation], tokens: int, seconds: float) -> Judged:
    found = Judged(name, tokens=tokens, seconds=seconds)
    for annotation in annotations:
        right = {rationale.sample: rationale.right for rationale in annotation.rationales}
        for said in annotation.evaluations:
            flag = right[said.rationale]
            if flag is not None:
                share = said.likelihood if said.p_correct is None else said.p_correct
                found.add(annotation.example.id, said.verdict, flag, share)
    return found


def line(row: dict[str, Any]) -> str:
    """The row as it stands in a Markdown table."""

    def shown(value: float | None, interval: tuple[float, float] | None = None) -> str:
        if value is None:
            return "—"
        return f"{value:.2f}" + (f" ({interval[0]:.2f}–{interval[1]:.2f})" if interval else "")

    classes = [f"{shown(row[f'precision_{name}'])} / {shown(row[f'recall_{name}'])}" for name in ("correct", "wrong")]
    undecided = f"{row['unparsed']:.0%} / {row['uncertain']:.0%}"
    cells = [
        row["judge"],
        f"{row['n']} ({row['right']})",
        shown(row["balanced_accuracy"], row["ci95"]),
        shown(row["auroc"], row["auroc_ci95"]),
        *classes,
        undecided,
        f"{row['tokens_a_self_evaluation']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


HEAD = (
    "judge",
    "rationales (right)",
    "balanced accuracy (95 %)",
    "AUROC (95 %)",
    "correct: precision / recall",
    "wrong: precision / recall",
    "no verdict / uncertain",
    "tokens",
)


def main() -> None:
    """Print the table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--store", type=Path, help="default: the recipe's, or runs/store.sqlite")
    parser.add_argument("--rationales", type=int, default=400)
    parser.add_argument("--judges", nargs="+", default=JUDGES, metavar="JUDGE")
    parser.add_argument("--ask", action="store_true", help="ask for what the store lacks")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    options = parser.parse_args()
    known = {"plain", "consensus", "informed", *(f"likelihood:{engine}" for engine in engine_names())}
    for stranger in sorted(set(options.judges) - known):
        parser.error(f"there is no judge {stranger!r}, only {', '.join(sorted(known))}")
    recipe = read_recipe(options.recipe, options.settings)
    store = options.store or recipe.annotation.store or Path("runs/store.sqlite")
    bench = Bench(recipe, store, options.rationales, options.ask)
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}", flush=True)
    rows = []
    for judge in options.judges:
        for judged in bench.judged(judge):
            rows.append(judged.row())
            print(line(rows[-1]), flush=True)
    print(
        json.dumps(
            {
                "benchmark": "judges",
                "recipe": recipe.name,
                "task": recipe.task.name,
                "teacher": recipe.teacher[0].model,
                "questions": len(bench.questions),
                "judges": rows,
                "machine": machine(),
            }
        )
    )


if __name__ == "__main__":
    main()
