"""The report of a run: one JSON document, and one HTML page that needs no network, no script and no server.

`browse` shows the annotations themselves, on a page of its own that has scripts.
"""

from mindsmirror.reporting.findings import findings, headline
from mindsmirror.reporting.report import read_report, write_report
from mindsmirror.reporting.schema import (
    AnnotationReport,
    ArmResult,
    Comparison,
    Diversity,
    MirrorVersusVote,
    Report,
    Said,
    ShownExample,
    StepUsage,
    StepYield,
    StudentJudge,
    TrainingReport,
)

__all__ = [
    "AnnotationReport",
    "ArmResult",
    "Comparison",
    "Diversity",
    "MirrorVersusVote",
    "Report",
    "Said",
    "ShownExample",
    "StepUsage",
    "StepYield",
    "StudentJudge",
    "TrainingReport",
    "findings",
    "headline",
    "read_report",
    "write_report",
]
