"""`mindsmirror import KIND SOURCE…`: annotations that were made elsewhere."""

from pathlib import Path

import click

from mindsmirror.cli.options import as_json, show, table


@click.command("import")
@click.argument("kind", type=click.Choice(["minds_mirror", "step_by_step", "jsonl"]))
@click.argument("sources", metavar="SOURCE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--task", required=True, help="Whose questions they answer: a name, or a path of a .jsonl.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Local files of that task.")
@click.option("--answer", help="Kind of answer of a .jsonl task; guessed if absent.")
@click.option("--teacher", help="Who wrote them; by default whom the file names or the kind is known for.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The annotations, a .jsonl.")
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
    """Turn others' rationales into annotations, for `[annotation] file` of a recipe.

    KIND is minds_mirror (the official files, or a folder of them), step_by_step (PaLM completions as rows {id, raw})
    or jsonl (rows {id or question, rationale}, with answer and evaluations if you like).
    """
    from mindsmirror.annotation.imports.importing import Counts, count_by_split, import_annotations
    from mindsmirror.system.files import storage_guard, write_records
    from mindsmirror.tasks import TaskConfig, load_task

    def row(counts: Counts) -> tuple[str, ...]:
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
        lines.append(f"{found.elsewhere} rationales belong to no question of {loaded.name} and are left out")
    lines.append(f"annotations: {out}")
    document = {
        "annotations": str(out),
        "elsewhere": found.elsewhere,
        "splits": [counts.document() for counts in counted],
    }
    show(document, lines, json_output)
