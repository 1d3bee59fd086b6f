"""Every format of an exported student beside the trained one: size, memory, speed, answers and confidence.

Each format is written, loaded in its runtime and asked the run's questions, as `mindsmirror export` does it. Its memory
is what a process of its own takes more, at its peak, to load the file and to answer eight questions. Its speed is that
of all greedy rationales, prompts included. The trained student in fp32 is the peer. Prints a JSON line for each format,
and then the table of docs/benchmarks.md.

    python benchmarks/export.py RUN [--arm NAME] [--questions 100] [--formats gguf-q8_0,openvino-int8] [--out FOLDER]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mindsmirror.delivery.compare import Trained
from mindsmirror.delivery.fidelity import Fidelity
from mindsmirror.delivery.formats import STUDENT_FORMATS, Source
from mindsmirror.delivery.gguf_file import About
from mindsmirror.runs.export import Opened, open_student
from mindsmirror.runs.folder import Run
from mindsmirror.students.config import StudentConfig
from mindsmirror.system.hardware import machine, peak_memory

FORMATS = tuple(f"{to}-{kind}" for to, form in STUDENT_FORMATS.items() if to != "ollama" for kind in form.weights)
PROBED = 8


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--arm")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--probe", nargs=2, metavar=("FORMAT", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        print(probe(str(options.run), options.probe[0], Path(options.probe[1])))
        return
    recipe = Run(options.run).recipe
    arm = next(arm for arm in reversed(recipe.arm) if options.arm in (None, arm.name))
    opened = open_student(options.run, recipe, arm, options.questions)
    trained = Trained(opened.predictor, opened.asked)
    rows = []
    for name in options.formats.split(","):
        with tempfile.TemporaryDirectory() as folder:
            to, kind = name.split("-")
            form = STUDENT_FORMATS[to]
            path = form.write(opened.source, Path(folder), kind)
            runtime = form.open(opened.source, path)
            found = trained.fidelity(path, name, kind, runtime, form.weights[kind])
            runtime.close()
            memory = measured(opened, to, path)
        rows.append((found, memory))
        print(json.dumps(found.model_dump(mode="json") | {"peak_memory": memory, "machine": machine()}), flush=True)
    print("\n".join(table(trained, rows)))


def measured(opened: Opened, to: str, path: Path) -> int:
    """What a process of its own takes more, at most, to load the file and to answer a few questions."""
    student, asked = opened.predictor.student, opened.asked
    sources = [student.source(asked.tags[-1], example.text, None) for example in asked.examples[:PROBED]]
    given = {"sources": sources, "max_tokens": opened.predictor.max_tokens, "context": opened.source.context}
    command = [sys.executable, __file__, str(opened.source.config.model), "--probe", to, str(path)]
    ended = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return int(ended.stdout.strip().splitlines()[-1])


def probe(student: str, to: str, path: Path) -> int:
    """The same, in that process, from what is on its standard input."""
    given = json.load(sys.stdin)
    source = Source(path, StudentConfig(model=student), About("", "", ""), 0, given["context"])
    before = resident()
    runtime = STUDENT_FORMATS[to].open(source, path)
    runtime.generate(given["sources"], given["max_tokens"])
    return max(0, peak_memory() - before)


def resident() -> int:
    """Bytes of this process that are in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def table(trained: Trained, rows: Sequence[tuple[Fidelity, int]]) -> list[str]:
    """A row for the trained student and one for each format."""
    head = "| format | MB | memory, MB | tokens/s | right | same answers | same texts | P off by | AUROC | failed |"
    lines = [head, "|" + " --- |" * head.count(" | ") + " --- |"]
    observed = trained.observed
    speed = sum(each.tokens for each in observed.predictions) / observed.seconds
    first = rows[0][0]
    area = first.judge.auroc_before if first.judge else None
    lines.append(f"| trained, fp32 | | | {speed:.0f} | {share(first.right_before)} | | | | {number(area)} | |")
    for found, memory in rows:
        judge = found.judge
        off, area = (f"{judge.mean_difference:.3f}", judge.auroc_after) if judge else ("", None)
        lines.append(
            f"| {found.file} | {found.bytes / 1e6:.0f} | {memory / 1e6:.0f} | {found.tokens_per_second:.0f} "
            f"| {share(found.right_after)} | {share(found.same_answers)} | {share(found.same_texts)} | {off} "
            f"| {number(area)} | {'; '.join(found.failed)} |"
        )
    return lines


def share(value: float | None) -> str:
    """A share as percent."""
    return "" if value is None else f"{value:.0%}"


def number(value: float | None) -> str:
    """An AUROC."""
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
