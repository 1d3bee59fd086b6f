"""Whether a promised risk holds: one arm's questions, split anew many times into those that choose and those that test.

    python benchmarks/risk.py runs/leg_counting-reflection-smollm2 --arm minds_mirror --risk 0.2 --splits 40

The validation and test questions of a run are put together, with the samples that the student wrote for each of them
at the temperature of its calibration. Nothing is computed by the student. In each split one part of the questions
goes through the same fit as a run's validation questions (evaluation/calibrate.py): it chooses how a confidence is
made, and the threshold. The other part is answered with that. A promise is broken where the share of wrong answers
among those that were given is above it. A split in which no threshold keeps the promise answers nothing, and is
counted apart.
"""

import argparse
import json
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mindsmirror.evaluation.calibrate import fit
from mindsmirror.inference.vote import mirror, vote
from mindsmirror.records import Example, Mode, Sample
from mindsmirror.runs.calibration import calibration_of, calibration_step
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.predictions import predictions_step, read_predictions
from mindsmirror.system.hardware import machine
from mindsmirror.tasks.base import Task

Question = tuple[Example, tuple[Sample, ...]]
ELECTIONS = {"vote": vote, "mirror": mirror}


@dataclass(frozen=True)
class Held:
    """One split: answers that were given, and wrong ones among them, of the questions that tested."""

    tested: int
    answered: int
    wrong: int

    @property
    def risk(self) -> float:
        """Share of wrong answers among those that were given."""
        return self.wrong / self.answered if self.answered else 0.0


def questions_of(pipeline: Pipeline, arm: str) -> list[Question]:
    """Every validation and test question with the samples that an arm wrote for it."""
    run, splits = pipeline.run, pipeline.task.splits
    [config] = [each for each in pipeline.recipe.arm if each.name == arm]
    calibration = calibration_of(run, config)
    if calibration is None:
        raise SystemExit(f"{arm} of {run.folder} was not calibrated")
    files = (
        run.folder / calibration_step(config) / f"samples-{calibration.temperature:g}.jsonl",
        run.folder / predictions_step(config) / "mirror.jsonl",
    )
    known = {example.id: example for example in (*splits.valid, *splits.test)}
    return [(known[each.example], each.samples) for file in files for each in read_predictions(file)]


def split(task: Task, questions: Sequence[Question], choosing: int, mode: Mode, risk: float, seed: int) -> Held | None:
    """What came of one split; None where no answer keeps the promise."""
    order = random.Random(seed).sample(list(questions), len(questions))
    chosen, tested = order[:choosing], order[choosing:]
    examples, samples = [example for example, _ in chosen], [of_one for _, of_one in chosen]
    # The temperature is only noted in what is returned.
    model = fit(task, examples, samples, 0.0, ("think", "vote", "mirror"), risk, seed).models.get(mode)
    if model is None:
        return None
    answers = ELECTIONS[mode](task, [example for example, _ in tested], [of_one for _, of_one in tested], model)
    given = [each for each in answers if not each.abstained]
    return Held(len(tested), len(given), sum(not each.right for each in given)) if given else None


def main() -> None:
    """Split, count, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+", help="folder of a run that was evaluated in the mode mirror")
    parser.add_argument("--arm", default="minds_mirror")
    parser.add_argument("--mode", choices=sorted(ELECTIONS), default="mirror")
    parser.add_argument("--risk", type=float, default=0.2)
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--choosing", type=int, default=240, help="questions that choose; the others test")
    given = parser.parse_args()
    for folder in given.run:
        pipeline = Pipeline.of(folder)
        questions = questions_of(pipeline, given.arm)
        found = [
            split(pipeline.task, questions, given.choosing, given.mode, given.risk, seed)
            for seed in range(given.splits)
        ]
        kept = [each for each in found if each is not None]
        line = {
            "benchmark": "risk",
            "run": pipeline.recipe.name,
            "arm": given.arm,
            "mode": given.mode,
            "risk": given.risk,
            "questions": len(questions),
            "choosing": given.choosing,
            "splits": given.splits,
            "promised": len(kept),
            "kept": sum(each.risk <= given.risk for each in kept),
            "risk_mean": round(statistics.mean(each.risk for each in kept), 3) if kept else None,
            "risk_max": round(max(each.risk for each in kept), 3) if kept else None,
            "coverage_mean": round(statistics.mean(each.answered / each.tested for each in kept), 3) if kept else None,
            "machine": machine(),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
