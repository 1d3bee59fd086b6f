"""A process that annotates, again and again: what can be killed is forked from it, so a start costs no imports.

For each line on stdin it forks a child that annotates into the store of its folder, prints the child's pid, and, once
that has ended, its exit code, negative for a signal. Run it as `annotator.py FOLDER QUESTIONS DELAY [URL]`; without
a URL the teacher is scripted and takes DELAY seconds for a reply, and notes the keys that it serves in FOLDER/served.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindsmirror.annotation import AnnotationConfig, Annotator, JudgeConfig, Store, Teacher, load_prompts
from mindsmirror.answers import Number
from mindsmirror.engines import Engine
from mindsmirror.engines.openai import OpenAIEngine
from mindsmirror.engines.openai.options import OpenAIOptions
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.records import Example
from mindsmirror.system.files import write_records
from mindsmirror.tasks.base import Splits, Task

K, M = 3, 2
CONCURRENCY = 4
IDENTITY: Mapping[str, Any] = {"engine": "any", "model": "teacher"}
"""Of both teachers, so that a server's port decides on no key."""


def annotate(folder: Path, questions: int, delay: float, url: str) -> None:
    """Annotate sums until all are; what is stored already is not asked for."""

    def engine() -> Engine:
        if url:
            options = OpenAIOptions(concurrency=CONCURRENCY, timeout=10.0)
            return OpenAIEngine("tiny", IDENTITY, base_url=url, options=options)
        return ScriptedEngine(identity=IDENTITY, unparsed=0.15, delay=delay, capacity=8, log=folder / "served")

    examples = [Example(id=f"q{n}", text=f"What is {n} + {n + 3}?", gold=str(2 * n + 3)) for n in range(questions)]
    teacher = Teacher("teacher", IDENTITY, engine)
    task = Task("sums", 1, "none", Number(), Splits((), (), ()))
    config = AnnotationConfig(rationales=K, self_evaluations=M)
    with Store(folder / "store.sqlite") as store:
        annotator = Annotator(task, load_prompts("number"), teacher, teacher, config, JudgeConfig(), store)
        found = {annotation.example.id: annotation for annotation in annotator.run(("train", e) for e in examples)}
    write_records(folder / "annotations.jsonl", [found[name] for name in sorted(found)])


def main() -> None:
    """Fork for each line; a child that fails shows its traceback."""
    folder, questions, delay, url = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    print("ready", flush=True)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                annotate(folder, questions, delay, url)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
