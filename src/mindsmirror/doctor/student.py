"""Whether the student is available and loads, and which questions it would cut."""

from collections.abc import Iterator

from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, ok, warning
from mindsmirror.models import catalogue

CHECK = "student"


def check(case: Case) -> Iterator[Finding]:
    """Refuse what training would refuse; load the student if it is on this machine."""
    case.pipeline.check(annotates=False)
    config, student = case.recipe.student, case.student
    if student is None:
        entry = catalogue.entries().get(config.model)
        where = "from the hub" if entry is None else f"{entry.bytes / 1e6:,.0f} MB"
        yield ok(CHECK, f"{config.model} is not on this machine yet; a run downloads it ({where}). It was not loaded.")
        return
    yield ok(
        CHECK,
        f"{config.model} loads: {student.kind}, {student.parameters / 1e6:.1f} million parameters; the longest "
        f"training question has {student.longest} tokens.",
        parameters=student.parameters,
        longest=student.longest,
    )
    if student.cut:
        yield warning(
            CHECK,
            f"{student.cut} of {student.measured} training questions are longer than "
            f"student.max_source = {config.max_source} tokens; their beginning is cut off.",
            f"Raise it, up to {student.longest}.",
            cut=student.cut,
        )
