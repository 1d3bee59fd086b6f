"""Tables as files: what is read back is what stood in the report, and every table of a page has one."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_runs import planted, recipe

from mindsmirror.evaluation.escalation import Asked, escalation
from mindsmirror.records import Verdict
from mindsmirror.reporting import Report, write_report
from mindsmirror.reporting.comparison_page import render_comparison
from mindsmirror.reporting.comparison_tables import comparison_tables
from mindsmirror.reporting.escalation_section import EscalationReport
from mindsmirror.reporting.page import render
from mindsmirror.reporting.report_tables import report_tables
from mindsmirror.reporting.schema import ReflectionReport, StageReport, StepUsage
from mindsmirror.reporting.tables import (
    Column,
    Table,
    interval,
    number,
    p_value,
    several,
    share,
    together,
    write_tables,
)
from mindsmirror.runs.comparison import compare_runs

COLUMNS = [Column("arm"), share("right"), interval("95 % interval"), p_value("p"), number("n")]
TABLE = Table("t", "A & B", COLUMNS, [["a_b|<c>", 0.125, (0.05, 0.2), 0.0004, 1200], ["d", None, None, 0.25, 0]])


def test_csv_has_the_numbers_themselves_and_two_columns_for_an_interval() -> None:
    assert TABLE.csv() == (
        "arm,right,95 % interval low,95 % interval high,p,n\na_b|<c>,0.125,0.05,0.2,0.0004,1200\nd,,,,0.25,0\n"
    )


def test_markdown_has_them_as_the_page_shows_them() -> None:
    assert TABLE.markdown().splitlines() == [
        "| arm | right, % | 95 % interval | p | n |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| a_b\\|&lt;c> | 12.5 | 5.0 to 20.0 | &lt; 0.001 | 1 200 |",
        "| d | – | – | 0.25 | 0 |",
    ]


def test_latex_is_a_table_of_booktabs() -> None:
    text = TABLE.latex()
    assert text.startswith(
        "\\begin{table}\n\\caption{A \\& B}\n\\begin{tabular}{lrrrr}\n\\toprule\narm & right, \\% & "
    )
    assert "a\\_b|$<$c$>$ & 12.5 & 5.0 to 20.0 & $<$ 0.001 & 1\\,200 \\\\\n" in text
    assert text.endswith("\\bottomrule\n\\end{tabular}\n\\end{table}\n")


def test_several_values_stand_in_one_cell() -> None:
    column = several("by seed", lambda value: f"{value:.1f}")
    table = Table("t", "", [column], [[together([0.25, None, 3.0])]])
    assert table.csv() == "by seed\n0.25  3.0\n"
    assert table.markdown().splitlines()[-1] == "| 0.2, –, 3.0 |"


@given(st.lists(st.tuples(st.text(), st.floats(0, 1) | st.none()), min_size=1, max_size=6))
def test_any_words_stay_in_their_cells(rows: list[tuple[str, float | None]]) -> None:
    table = Table("t", "c", [Column("name"), share("right")], rows)
    if not any("\r" in word or "\0" in word for word, _ in rows):
        read = list(csv.reader(io.StringIO(table.csv(), newline="")))[1:]
        assert [(name, float(value) if value else None) for name, value in read] == rows
    lines = table.markdown().splitlines()
    assert len(lines) == len(rows) + 2
    assert all(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3 for line in lines)
    body = table.latex().split("\\midrule\n")[1].split("\n\\bottomrule")[0]
    assert len(re.findall(r"(?<!\\)&", body)) == len(rows) == body.count(" \\\\\n") + 1
    assert body.count("{") == body.count("}") or any({"{", "}"} & set(word) for word, _ in rows)


def whole(report: Report) -> Report:
    """The report with everything that a table could be of."""
    took = report.arms[-1].training
    assert took is not None
    stage = StageReport.model_validate({"stage": "thinking", **took.model_dump(include=set(StageReport.model_fields))})
    drawn = ReflectionReport(round=1, questions=4, samples=20, answered=19, correct=9, tokens=900, flops=10**12)
    training = took.model_copy(update={"stages": (stage, stage), "reflection": (drawn,)})
    arms = tuple(arm.model_copy(update={"training": training if arm.training else None}) for arm in report.arms)
    cost = StepUsage(step="rationale", usable=231, tokens_in=10, tokens_out=20, usd=0.1, usd_per_usable=0.0004)
    note = report.annotation.model_copy(update={"tokens_per_question": 480.0, "costs": (cost,)})
    asked = [Asked(number / 40, number >= 20, number < 20, number < 8, 100, None) for number in range(40)]
    sent = escalation(asked, promised=True)
    assert sent is not None
    escalations = (EscalationReport(arm="mirror", mode="mirror", **sent.model_dump()),)
    judge = report.student_judge
    assert judge is not None
    judge = judge.model_copy(update={"table": {Verdict.CORRECT: (3, 1), Verdict.WRONG: (2, 4)}})
    changes = {"arms": arms, "annotation": note, "escalations": escalations, "student_judge": judge}
    return report.model_copy(update=changes)


def test_every_table_of_a_page_has_its_files(full_report: Report, bare_report: Report, tmp_path: Path) -> None:
    for report in (whole(full_report), full_report, bare_report):
        tables = [table for table in report_tables(report) if table.rows]
        assert len(tables) == render(report).count("<table")
        assert all(len(row) == len(table.columns) for table in tables for row in table.rows)
        assert all(len({column.title for column in table.columns}) == len(table.columns) for table in tables)
        write_report(report, tmp_path)
        names = sorted(path.name for path in (tmp_path / "tables").iterdir())
        assert names == sorted(f"{table.name}.{kind}" for table in tables for kind in ("csv", "md", "tex")), (
            "those of the report before are gone"
        )


def test_the_numbers_of_the_page_are_those_of_the_files(full_report: Report) -> None:
    results = next(table for table in report_tables(full_report) if table.name == "results")
    rows = list(csv.DictReader(io.StringIO(results.csv())))
    assert [float(row["accuracy"]) for row in rows] == [arm.accuracy for arm in full_report.arms]
    assert [float(row["95 % interval low"]) for row in rows] == [arm.ci95 and arm.ci95[0] for arm in full_report.arms]


@pytest.mark.parametrize("samples", [0, 3])
def test_every_table_of_a_comparison_has_its_files(samples: int, tmp_path: Path) -> None:
    said = {"cot": {"think": "+-" * 20, "vote": "++" * 20, "mirror": "+-" * 20}}
    folders = [planted(tmp_path, recipe(f"r{s}", s, s, ["cot"]), said, samples) for s in (0, 1)]
    report = compare_runs(folders, tmp_path / "out")
    tables = [table for table in comparison_tables(report) if table.rows]
    assert len(tables) == render_comparison(report).count("<table") == (5 if samples else 3)
    assert len(list((tmp_path / "out" / "tables").iterdir())) == 3 * len(tables)
    by_seed = next(table for table in tables if table.name == "accuracy").csv().splitlines()[1]
    assert ",0.5 0.5,80,80" in by_seed


def test_a_table_without_rows_is_not_written(tmp_path: Path) -> None:
    write_tables([TABLE, TABLE._replace(name="none", rows=[])], tmp_path)
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["t.csv", "t.md", "t.tex"]
