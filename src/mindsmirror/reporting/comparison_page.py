"""A comparison as `report.json` and as one HTML page: the plots, tables and style of a run's report, over seeds."""

from pathlib import Path

from markupsafe import Markup

from mindsmirror.reporting.comparison_findings import comparison_findings, comparison_headline
from mindsmirror.reporting.comparison_schema import ComparisonReport, SeedsResult
from mindsmirror.reporting.comparison_tables import comparison_tables
from mindsmirror.reporting.page import SIZES, legend
from mindsmirror.reporting.plot import arms_plot
from mindsmirror.reporting.schema import UNTRAINED, ArmResult
from mindsmirror.reporting.tables import write_tables
from mindsmirror.reporting.template import inline, template
from mindsmirror.system.files import storage_guard, write_text


def write_comparison(report: ComparisonReport, folder: Path) -> ComparisonReport:
    """Write `report.json`, `report.html` and `tables/` into the folder; returns the report with its findings.

    StorageError where a file cannot be written.
    """
    report = report.model_copy(update={"findings": tuple(comparison_findings(report))})
    with storage_guard(folder):
        write_text(folder / "report.json", report.model_dump_json(indent=2) + "\n")
        write_text(folder / "report.html", render_comparison(report))
    write_tables(comparison_tables(report), folder)
    return report


def render_comparison(report: ComparisonReport) -> str:
    """The page as text."""
    main = comparison_headline(report)
    rows = [_as_row(row) for row in report.arms]
    by_seed = {
        (row.arm, row.mode): [each.accuracy for each in row.by_seed.values() if each.accuracy is not None]
        for row in report.arms
        if len(row.by_seed) > 1
    }
    return template("comparison.html.j2").render(
        report=report,
        style=inline("report.css"),
        headline=main,
        findings=[finding for finding in report.findings if finding != main],
        plots=[(size, Markup(arms_plot(rows, width, size, by_seed))) for size, width in SIZES.items()],
        legend=legend(rows),
        sure=[row for row in report.arms if row.half is not None and row.confidence is not None],
        untrained=UNTRAINED,
    )


def _as_row(row: SeedsResult) -> ArmResult:
    """All seeds as one row of the plot."""
    first = next(iter(row.by_seed.values()))
    changes = {"name": row.arm, "n": row.n, "accuracy": row.accuracy, "ci95": row.ci95}
    return first.model_copy(update={**changes, "seed": 0, "risk_coverage": None, "training": None})
