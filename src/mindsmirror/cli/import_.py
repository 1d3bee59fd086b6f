"""`mindsmirror import KIND SOURCE…`: annotations that were made elsewhere."""

from pathlib import Path

import click

from mindsmirror.cli.options import as_json, show, table


@click.command("import")
@click.argument(
    "kind", metavar="KIND", type=click.Choice(["minds_mirror", "step_by_step", "jsonl"]), help="What the files are."
)
@click.argument(
    "sources",
    metavar="SOURCE...",
    type=click.Path(path_type=Path),
    nargs=-1,
    required=True,
    help="Files, or folders of them.",
)
@click.option("--task", required=True, help="The task whose questions they answer: its name, or the path of a file.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder with local files of that task.")
@click.option("--answer", help="Kind of answer of a task that is a file; guessed by default.")
@click.option(
    "--teacher", help="The model that wrote them; by default the one that the file names, or that KIND is known for."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write, a .jsonl.")
@as_json
def command(
    kind: str,
    sources: tuple[Path, ...],
    task: str,
    data_dir: Path | None,
    answer: str | None,
    teacher: str | None,
    out: Path,
    json_output: bool,
) -> None:
    """Convert rationales from elsewhere to annotations, which a recipe names in `[annotation] file`.

    KIND is minds_mirror (the official files, or a folder of them), step_by_step (PaLM completions as rows {id, raw})
    or jsonl (rows {id or question, rationale}, with optional answer and evaluations).
    """
    from mindsmirror.annotation.imports.importing import SplitCounts, count_by_split, import_annotations
    from mindsmirror.system.files import storage_guard, write_records
    from mindsmirror.tasks import TaskConfig, load_task

    def row(counts: SplitCounts) -> tuple[str, ...]:
        parsed, accuracy = counts.parsed_share, counts.accuracy
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts.verdicts.items() if number)
        return (
            counts.split,
            str(counts.questions),
            str(counts.rationales),
            "-" if parsed is None else f"{parsed:.3f}",
            "-" if accuracy is None else f"{accuracy:.3f} of {counts.scored}",
            str(counts.evaluations),
            verdicts or "-",
        )

    loaded = load_task(TaskConfig(name=task, data_dir=data_dir, answer=answer))
    found = import_annotations(kind, sources, loaded, teacher)
    with storage_guard(out):
        write_records(out, found.annotations)
    counted = count_by_split(found.annotations, loaded)
    header = ("split", "questions", "rationales", "parsed", "right", "evaluations", "verdicts")
    lines = [*table([header, *map(row, counted)])]
    if found.elsewhere:
        lines.append(f"{found.elsewhere} rationales were left out: they belong to no question of {loaded.name}")
    lines.append(f"annotations: {out}")
    document = {
        "annotations": str(out),
        "elsewhere": found.elsewhere,
        "splits": [counts.document() for counts in counted],
    }
    show(document, lines, json_output)
