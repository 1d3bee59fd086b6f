"""How many replies of a live teacher give no readable answer, with our prompts and with a plain one.

Peer: the same questions as "Q: … A: Let's think step by step.", without a word about the form of the answer, read by
the same parsers and given the same room. One task for each kind of answer: SVAMP (equation), leg_counting (number),
CommonsenseQA (choice), ANLI (label; its licence is non-commercial), StrategyQA (yes or no), family_relationships
(text); those whose files `--data` lacks are passed over. Replies are kept in `--store`, so a run that is stopped goes
on, and more `--questions` ask only for those that are new. Prints a table (with `--show` also what was not readable)
and one JSON line.

    python benchmarks/prompts.py [--questions 20] [--store runs/prompts.sqlite] [--kinds number choice] [--show]
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from mindsmirror.annotation import AnnotationConfig, Annotator, JudgeConfig, PromptSet, Store, Teacher, prompts_for
from mindsmirror.annotation.prompts import Prompt
from mindsmirror.engines import TeacherConfig, engine_identity
from mindsmirror.engines.base import Message
from mindsmirror.engines.openvino import OpenVINOEngine
from mindsmirror.errors import DataError
from mindsmirror.evaluation.statistics import paired_difference, wilson
from mindsmirror.models.locate import locate
from mindsmirror.records import Example, Parse, Rationale
from mindsmirror.system.hardware import machine
from mindsmirror.tasks import Task, TaskConfig, load_task

ANIMALS = {"min_animals": 2, "max_animals": 2, "min_instances": 1, "max_instances": 5}
TASKS: dict[str, tuple[str, dict[str, int]]] = {
    "equation": ("svamp", {}),
    "number": ("reasoning_gym:leg_counting", ANIMALS),
    "choice": ("csqa", {}),
    "label": ("anli_r1", {}),
    "yes_no": ("strategyqa", {}),
    "text": ("reasoning_gym:family_relationships", {}),
}
TEACHER = TeacherConfig(model="qwen2.5-coder-1.5b-instruct")
ROOM = 256
TEMPERATURE = 0.8


class Plain(PromptSet):
    """A question and a request to think, and no more."""

    def rationale(self, example: Example) -> Prompt:
        """The plain prompt."""
        return Prompt((Message("user", f"Q: {example.text}\nA: Let's think step by step."),), 0)


class Kept(OpenVINOEngine):
    """The engine, kept open from task to task."""

    def close(self) -> None:
        """Nothing: the process ends soon enough."""


def default_teacher() -> Teacher:
    """The catalogue's teacher; its model is loaded with the first reply that is not stored."""
    identity = engine_identity(TEACHER)

    @cache
    def opened() -> Kept:
        return Kept(locate(TEACHER.model), identity)

    return Teacher(TEACHER.model, identity, opened)


def load(kind: str, count: int, data: Path) -> Task | None:
    """The task of a kind of answer; None where its files are not there."""
    name, parameters = TASKS[kind]
    folder = None if name.startswith("reasoning_gym:") else data
    sizes = {"train": 1, "valid": 0, "test": count}
    try:
        return load_task(TaskConfig(name=name, data_dir=folder, parameters=parameters, seed=11, **sizes))
    except DataError as error:
        print(f"{kind}: passed over. {error}")
        return None


def asked(task: Task, prompts: PromptSet, teacher: Teacher, store: Store) -> list[Rationale]:
    """One rationale of each test question, in order."""
    config = AnnotationConfig(rationales=1, self_evaluations=0, temperature=TEMPERATURE, max_tokens=ROOM)
    annotator = Annotator(task, prompts, teacher, teacher, config, JudgeConfig(), store)
    accounts = annotator.accounts(("test", example) for example in task.splits.test)
    found = sorted(accounts, key=lambda account: account.number)
    return [account.annotation.rationales[0] for account in found]


def readable(rationales: Sequence[Rationale]) -> list[bool]:
    """Whether each gave an answer."""
    return [rationale.parse is Parse.OK for rationale in rationales]


def described(rationales: Sequence[Rationale]) -> str:
    """Unparsed of all with an interval, and the reasons."""
    lost, n = readable(rationales).count(False), len(rationales)
    low, high = wilson(lost, n)
    reasons = Counter(rationale.parse.value for rationale in rationales if rationale.parse is not Parse.OK)
    named = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    right = sum(rationale.right is True for rationale in rationales)
    return f"{lost:3} of {n} ({low:4.0%} to {high:4.0%})  {right:3} right  {named}"


def main() -> None:
    """Ask, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=20, help="of each kind of answer")
    parser.add_argument("--store", type=Path, default=Path("runs/prompts.sqlite"))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MINDSMIRROR_DATA", "../shared/data")))
    parser.add_argument("--kinds", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--show", action="store_true", help="print every reply of ours that was not readable")
    options = parser.parse_args()
    teacher = default_teacher()
    ours: list[Rationale] = []
    plain: list[Rationale] = []
    kinds = {}
    with Store(options.store) as store:
        for kind in options.kinds:
            task = load(kind, options.questions, options.data)
            if task is None:
                continue
            prompts = prompts_for(task.answers)
            mine = asked(task, prompts, teacher, store)
            other = asked(task, Plain.model_validate(prompts.model_dump()), teacher, store)
            print(f"{kind:9} ours   {described(mine)}\n{'':9} plain  {described(other)}", flush=True)
            if options.show:
                lost = [rationale for rationale in mine if rationale.parse is not Parse.OK]
                print(*(f"--- {r.parse.value}: {r.reason}\n{r.text}" for r in lost), sep="\n")
            kinds[kind] = {"unparsed": readable(mine).count(False), "peer_unparsed": readable(other).count(False)}
            ours, plain = ours + mine, plain + other
    unparsed, peer_unparsed = readable(ours).count(False), readable(plain).count(False)
    difference = paired_difference(readable(ours), readable(plain))
    line = {
        "benchmark": "prompts",
        "peer": "Q: … A: Let's think step by step.",
        "n": len(ours),
        "unparsed": unparsed,
        "peer_unparsed": peer_unparsed,
        "fewer": round(1 - unparsed / peer_unparsed, 2) if peer_unparsed else None,
        "difference_of_shares": [round(value, 3) for value in (difference.value, difference.low, difference.high)],
        "right": sum(rationale.right is True for rationale in ours),
        "peer_right": sum(rationale.right is True for rationale in plain),
        "kinds": kinds,
        "machine": machine(),
    }
    print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
