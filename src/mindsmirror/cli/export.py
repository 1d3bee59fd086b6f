"""`mindsmirror export RUN`: a run's annotations as a data set, or a trained student as a file for a runtime."""

from pathlib import Path
from typing import Any

import click

from mindsmirror.cli.completion import RunPath
from mindsmirror.cli.options import RUN_HELP, as_json, run_folder, runs_folder, show

DATASETS = ("parquet", "datasets", "jsonl")
TASK = "lm-eval"
STUDENTS = ("safetensors", "gguf", "ollama", "openvino", "onnx")


@click.command("export")
@click.argument("run", type=RunPath(), help=RUN_HELP)
@click.option(
    "--to",
    type=click.Choice([*DATASETS, *STUDENTS, TASK]),
    default="parquet",
    show_default=True,
    help="Of the annotations: parquet or datasets (extra hub-data), or jsonl. Of a student: safetensors, gguf for "
    "llama.cpp, ollama, openvino, or onnx, also for transformers.js (extra export). Of the test questions: lm-eval, "
    "a task of that harness.",
)
@click.option("--arm", help="Arm whose student is exported; the last one if absent.")
@click.option(
    "--weights",
    multiple=True,
    help="Type of a student's weights. safetensors: bf16 (default), fp16, fp32; gguf and ollama: q8_0 (default), "
    "f16, q4_k_m, of gguf also several; openvino: int8 (default), fp16; onnx: int8 (default), fp32.",
)
@click.option(
    "--questions",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Questions on which an exported student is compared with the trained one.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write, which must not exist yet; by default in the run's."
)
@runs_folder
@as_json
def command(
    run: Path,
    to: str,
    arm: str | None,
    weights: tuple[str, ...],
    questions: int,
    out: Path | None,
    runs: Path,
    json_output: bool,
) -> None:
    """Write the annotations of RUN as a data set, or a trained student of it as a file for a runtime.

    A data set has a row for each rationale, with its self-evaluations, and a card. A student is loaded again in the
    runtime that the format is for and compared with the trained one: first tokens, greedy rationales and answers, and
    the probabilities of its verdicts. A judge that is an adapter (schedule = "adapter") goes with gguf and safetensors,
    and the others say that it is missing. What is further off than the format's bounds is not kept. The test questions
    are written as they are asked and scored here, so that lm-evaluation-harness agrees item by item.
    """
    folder = run_folder(run, runs)
    if to in DATASETS:
        if arm or weights:
            raise click.UsageError(f"--arm and --weights are for students, and {to} is a format of annotations.")
        _annotations(folder, to, out or folder / "exports" / to, json_output)
        return
    if to == TASK:
        if weights:
            raise click.UsageError(f"--weights is for students, and {to} is a format of test questions.")
        _task(folder, out or folder / "exports" / "-".join(filter(None, [arm, to])), arm, json_output)
        return
    from mindsmirror.runs.export import export_student

    named = "-".join(filter(None, [arm, to, *weights]))
    out = out or folder / "exports" / named
    found = export_student(folder, out, to, arm, weights, questions)
    document: dict[str, Any] = {"out": str(out), "to": to, "files": found}
    show(
        document,
        [
            *(f"wrote {out / str(each['file'])}" for each in found),
            *dict.fromkeys(f"its judge: {out / str(each['adapter'])}" for each in found if each["adapter"]),
            *dict.fromkeys(f"note: {each['without_judge']}" for each in found if each["without_judge"]),
            f"figures: {out / 'fidelity.json'}",
        ],
        json_output,
    )


def _annotations(folder: Path, to: str, out: Path, json_output: bool) -> None:
    from mindsmirror.runs.export import export_annotations

    rows = export_annotations(folder, out, to)
    lines = [f"{number} rows in {split}" for split, number in rows.items()]
    show({"out": str(out), "to": to, "rows": rows}, [*lines, f"card: {out / 'README.md'}"], json_output)


def _task(folder: Path, out: Path, arm: str | None, json_output: bool) -> None:
    from mindsmirror.runs.export import export_lm_eval

    names = export_lm_eval(folder, out, arm)
    lines = [f"tasks: {', '.join(names)}", f"how to use them: {out / 'README.md'}"]
    show({"out": str(out), "to": TASK, "tasks": names}, lines, json_output)
