"""The report of a run: one JSON document, and one HTML page that needs no network, no script and no server.

`browse` shows the annotations themselves, on a page of its own that has scripts.
"""

from mindsmirror.reporting.findings import findings, headline
from mindsmirror.reporting.report import read_report, write_report
from mindsmirror.reporting.schema import (
    AnnotationReport,
    ArmAnswer,
    ArmResult,
    Comparison,
    Diversity,
    MirrorVersusVote,
    Report,
    ShownExample,
    StepUsage,
    StepYield,
    StudentJudge,
    TrainingReport,
)

__all__ = [
    "AnnotationReport",
    "ArmAnswer",
    "ArmResult",
    "Comparison",
    "Diversity",
    "MirrorVersusVote",
    "Report",
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
