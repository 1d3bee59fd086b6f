"""Write a report as `report.json` and `report.html`, with its tables as files, and read the former back."""

from pathlib import Path

from mindsmirror.errors import StorageError
from mindsmirror.reporting.findings import findings
from mindsmirror.reporting.page import render
from mindsmirror.reporting.report_tables import report_tables
from mindsmirror.reporting.schema import Report
from mindsmirror.reporting.tables import write_tables
from mindsmirror.system.files import storage_guard, write_text

__all__ = ["read_report", "write_report"]


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write `report.json`, `report.html` and `tables/` into the folder and return the paths of the first two.

    The folder is made if absent; each file appears whole or not at all. A report without findings gets
    those of `findings`. StorageError where a file cannot be written.
    """
    if not report.findings:
        report = report.model_copy(update={"findings": tuple(findings(report))})
    document, page = folder / "report.json", folder / "report.html"
    with storage_guard(folder):
        write_text(document, report.model_dump_json(indent=2) + "\n")
        write_text(page, render(report))
    write_tables(report_tables(report), folder)
    return document, page


def read_report(path: Path) -> Report:
    """The report that `write_report` wrote. StorageError where the file cannot be read as one."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read as a report: {error}") from error
