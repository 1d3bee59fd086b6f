"""A run's test questions as a task of EleutherAI's lm-evaluation-harness, for the student or for any other model.

A folder holds a YAML file for each mode, the questions as a run keeps them (`task/`), and `scoring.py`, which the YAML
files name: the harness asks, and replies are read and scored here as in a run. So whoever scores with it needs
`mindsmirror` beside `lm-eval`. What the harness does not tell is whether a reply was cut at the token limit; a number
that was cut in two counts as it stands.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror.delivery.folder import CARD, require_empty
from mindsmirror.errors import DataError
from mindsmirror.inference.reading import Reading, read_direct, read_rationale
from mindsmirror.records import Example, Mode
from mindsmirror.system.files import read_record, storage_guard, whole_folder, write_json, write_text
from mindsmirror.tasks.base import Splits, Task, TaskConfig
from mindsmirror.tasks.stored import store_task, stored_task

CONFIG = "config.json"
QUESTION = "{{question}}"
"""Where the harness puts a question's text."""
READERS: Mapping[Mode, Reading] = {"predict": read_direct, "think": read_rationale}
"""The modes in which the harness can ask: one reply to one question."""
SCORING = '''\
"""How the replies of this task are scored: as Minds Mirror does it (pip install mindsmirror)."""

from pathlib import Path

from mindsmirror.delivery.lm_eval import LmEvalTask

_task = LmEvalTask(Path(__file__).parent)


def docs(**_):
    return _task.docs()


def predict(doc, results):
    return _task.scores("predict", doc["id"], results[0])


def think(doc, results):
    return _task.scores("think", doc["id"], results[0])
'''
YAML = """\
# Written by `mindsmirror export {run} --to lm-eval`; README.md says how to use it.
task: {name}
custom_dataset: !function scoring.docs
test_split: test
output_type: generate_until
doc_to_text: {prompt}
doc_to_target: "{{{{gold}}}}"
process_results: !function scoring.{mode}
generation_kwargs:
  until: []
  do_sample: false
  max_gen_toks: {tokens}
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: answered
    aggregation: mean
    higher_is_better: true
num_fewshot: 0
metadata:
  version: 1
"""
PAGE = """\
# {run} for lm-evaluation-harness

{count} test questions of the task {task} (licence: {licence}), with the student `{arm}` of this run in mind.

```sh
pip install lm-eval mindsmirror
lm_eval --model hf --model_args pretrained=STUDENT --include_path THIS_FOLDER --tasks {tasks}{template}
```

`acc` is the share of right answers, and `answered` that of replies in which an answer was found. Both are counted by
the rules of Minds Mirror; the intervals of `lm_eval` are its own. Another model can be scored on the same questions,
but it does not know what the student was taught to answer to (`doc_to_text`).
"""


class Asked(NamedTuple):
    """How a mode is asked: the prompt with QUESTION in it, and the most tokens of a reply."""

    prompt: str
    tokens: int


def write_lm_eval(
    run: str, arm: str, task: Task, config: TaskConfig, asked: Mapping[Mode, Asked], out: Path, *, chat: bool
) -> list[str]:
    """Write the task into the folder `out`; returns the harness's names of its parts, one for each mode.

    `config` makes the task's verifier again if it has one; `chat` says that the student reads a chat template.
    DataError if no test question can be scored, or `out` holds something; StorageError if the disk refuses.
    """
    scored = tuple(each for each in task.splits.test if task.scorer is not None or each.gold is not None)
    if not scored:
        raise DataError(f"{task.name} has no test questions that can be scored.")
    require_empty(out)
    names = {mode: f"{run}_{mode}" for mode in asked}
    with storage_guard(out), whole_folder(out) as part:
        store_task(replace(task, splits=Splits((), (), scored)), part / "task")
        # A recipe's table may hold paths of its machine, and matters only where a verifier is made from it.
        kept = config if task.scorer is not None else TaskConfig(name=task.name)
        write_json(part / CONFIG, kept.model_dump(mode="json", exclude_none=True))
        write_text(part / "scoring.py", SCORING)
        for mode, how in asked.items():
            prompt = json.dumps(how.prompt, ensure_ascii=False)
            text = YAML.format(run=run, name=names[mode], mode=mode, prompt=prompt, tokens=how.tokens)
            write_text(part / f"{names[mode]}.yaml", text)
        told = {"run": run, "arm": arm, "task": task.name, "licence": task.licence, "count": len(scored)}
        template = " --apply_chat_template" if chat else ""
        write_text(part / CARD, PAGE.format(**told, tasks=",".join(names.values()), template=template))
    return list(names.values())


class LmEvalTask:
    """Such a folder in use: what the harness is given, and how its replies are scored."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _task(self) -> Task:
        config = read_record(self._folder / CONFIG, TaskConfig)
        task = stored_task(self._folder / "task", config) if config else None
        if task is None:
            raise DataError(f"{self._folder} is no task that `mindsmirror export --to lm-eval` wrote.")
        return task

    @cached_property
    def _examples(self) -> Mapping[str, Example]:
        return {example.id: example for example in self._task.splits.test}

    def docs(self) -> dict[str, Any]:
        """The questions as the harness takes them: a data set by the name of the split."""
        import datasets

        rows = [{"id": each.id, "question": each.text, "gold": each.gold or ""} for each in self._examples.values()]
        return {"test": datasets.Dataset.from_list(rows)}

    def scores(self, mode: Mode, example: str, reply: str) -> dict[str, float]:
        """The metrics of one reply."""
        asked = self._examples[example]
        answer = READERS[mode](self._task, asked, reply).answer
        return {"acc": float(self._task.right(asked, answer) is True), "answered": float(answer is not None)}
