"""Which tables the report of a run has as files: those of its page, one for one."""

from collections.abc import Iterator, Sequence
from typing import Any

from mindsmirror.evaluation.sound_arithmetic import SoundArithmetic
from mindsmirror.records import Verdict
from mindsmirror.reporting import formatting
from mindsmirror.reporting.confidence_schema import SCORES
from mindsmirror.reporting.escalation_section import sent_rows
from mindsmirror.reporting.schema import AnnotationReport, Comparison, Report
from mindsmirror.reporting.tables import (
    Column,
    Table,
    interval,
    number,
    p_value,
    points,
    score,
    share,
)
from mindsmirror.reporting.training_section import UNITS, trained_arms

ARM = (Column("arm"), Column("mode"))
SIDES = (Column("first"), Column("mode of first"), Column("second"), Column("mode of second"))
SURE = interval("95 % interval")
LEAST = points("smallest detectable")
COURSE = (
    *("seconds", "tokens_per_second", "peak_memory", "peak_device_memory"),
    *("selected_step", "valid_accuracy"),
)


def report_tables(report: Report) -> Iterator[Table]:
    """Those of a run's page, in its order."""
    yield Table(
        "comparisons",
        "Arms compared on the same questions, in points; p after Holm's correction beside the exact McNemar test's",
        [*SIDES, points("difference"), SURE, p_value("p"), p_value("corrected p"), number("n"), LEAST],
        [
            [*sides(c), c.difference, c.ci95, c.p_mcnemar, c.p_adjusted, c.n, c.smallest_detectable]
            for c in report.comparisons
        ],
    )
    yield from _annotation(report.annotation)
    yield from _sureness(report)
    yield Table(
        "results",
        "Share of test questions answered right",
        [
            *(*ARM, share("accuracy"), SURE, *map(number, ("n", "unreadable", "tokens a question"))),
            *(Column("method"), number("seed")),
        ],
        [
            [a.name, a.mode, a.accuracy, a.ci95, a.n, a.unparsed, a.tokens_per_question, a.method, a.seed]
            for a in report.arms
        ],
    )
    yield Table(
        "arithmetic",
        "The arithmetic in greedy test rationales, as far as an exact parser reads it",
        [Column("arm"), *(number(name.replace("_", " ")) for name in SoundArithmetic.model_fields)],
        [[arm, *found.model_dump().values()] for arm, found in report.arithmetic.items()],
    )
    yield from _training(report)


def sides(test: Comparison) -> list[str]:
    """Cells of the columns SIDES."""
    return [test.a, test.mode_a, test.b, test.mode_b]


def _area(title: str) -> Column:
    return Column(title, lambda value: f"{value:.3f}")


def _memory(of: str) -> Column:
    return Column(f"peak {of}memory", formatting.memory)


def _sureness(report: Report) -> Iterator[Table]:
    """What students say of their rationales, and what their confidences are worth."""
    own = report.student_judge.table if report.student_judge else {}
    yield Table(
        "student_verdicts",
        "The student's verdicts on its own test rationales",
        [Column("the student said"), number("right rationales"), number("wrong rationales")],
        [[verdict.value, *own[verdict]] for verdict in Verdict if verdict in own and any(map(sum, own.values()))],
    )
    yield _scores(report)
    yield Table(
        "coverage",
        "Accuracy of the surest answers, and the area under the risk-coverage curve",
        [
            *ARM,
            share("of all"),
            share("of the surer half"),
            *map(_area, ("AURC", "AURC of a random confidence", "AURC of the best")),
        ],
        [
            [a.name, a.mode, a.accuracy, c.accuracy_at_half, c.aurc, c.aurc_random, c.aurc_best]
            for a in report.arms
            if (c := a.risk_coverage) is not None
        ],
    )
    yield Table(
        "escalation",
        "The least sure answers replaced by the teacher's",
        [
            *(*ARM, Column("sent"), number("questions"), share("right"), SURE, points("points more than alone")),
            *(
                interval("95 % interval of the difference"),
                number("tokens of the teacher"),
                Column("USD", formatting.usd),
            ),
        ],
        [
            [
                *(found.arm, found.mode, what, sent.calls, sent.accuracy, sent.ci95),
                *(sent.difference, sent.difference_ci95, sent.tokens, sent.usd),
            ]
            for found in report.escalations
            for sent, what in sent_rows(found)
        ],
    )


def _scores(report: Report) -> Table:
    of_area = formatting.score
    return Table(
        "scores",
        "What tells right rationales from wrong ones: AUROC of each score, over all and within questions",
        [
            *(Column("arm"), Column("score"), number("rationales")),
            *(score("AUROC"), interval("95 % interval", of_area)),
            *(score("within questions"), interval("95 % interval within", of_area)),
            *(number("pairs"), number("questions")),
        ],
        [
            [
                *(found.arm, SCORES[name], each.n, each.auroc, each.auroc_ci95, each.within.auroc),
                *(each.within.ci95, each.within.pairs, each.within.questions),
            ]
            for found in report.confidences
            for name, each in found.samples.items()
        ],
    )


def _annotation(note: AnnotationReport) -> Iterator[Table]:
    counted = ("asked", "stored", "parsed", "failed", "retried", "retried and parsed")
    yield Table(
        "yields",
        "Where the samples of the annotation went",
        [Column("step"), *map(number, counted)],
        [[y.step, y.asked, y.stored, y.ok, y.failed, y.asked_again, y.repaired] for y in note.yields],
    )
    whole = ["question", note.examples, note.tokens_per_question, note.usd_per_question]
    usable = [[f"usable {c.step}", c.usable, c.tokens_per_usable, c.usd_per_usable] for c in note.costs]
    yield Table(
        "costs",
        "What the annotation cost",
        [Column("unit"), number("count"), number("tokens read and written"), Column("USD", formatting.usd)],
        [whole, *usable] if note.tokens_per_question is not None else [],
    )
    quality = note.verdict_quality
    titles = (
        [f"of {quality.right} right", f"of {quality.n - quality.right} wrong"] if quality and quality.n else ["times"]
    )
    rows: list[list[Any]] = [[verdict.value, times] for verdict, times in note.verdicts.items()]
    if quality is not None and quality.n:
        rows = [[verdict.value, *quality.table.get(verdict, (0, 0))] for verdict in Verdict]
    yield Table("verdicts", "The judge's verdicts", [Column("the judge said"), *map(number, titles)], rows)


def _training(report: Report) -> Iterator[Table]:
    trained = [(arm, arm.training) for arm in trained_arms(report.arms) if arm.training is not None]
    named = (Column("arm"), Column("stage"), number("seed"))

    def stages(fields: Sequence[str]) -> Iterator[list[Any]]:
        """An arm as a whole, then its stages if there are several; what only the whole has is None there."""
        for arm, took in trained:
            whole = took.stages[0].stage if len(took.stages) == 1 else "all"
            yield [arm.name, whole, arm.seed, *(getattr(took, field) for field in fields)]
            for stage in took.stages if len(took.stages) > 1 else ():
                yield [arm.name, stage.stage, arm.seed, *(getattr(stage, field, None) for field in fields)]

    yield Table(
        "training_given",
        "What the training of each arm took",
        [*named, *(Column(unit.replace("_", " "), formatting.powers) for unit in UNITS)],
        list(stages(UNITS)),
    )
    yield Table(
        "training_course",
        "How training went",
        [
            *(*named, Column("time", formatting.duration), number("tokens a second")),
            *(*map(_memory, ("", "device ")), number("kept step"), share("validation")),
        ],
        list(stages(COURSE)),
    )
    counted = ("questions", "rationales", "with an answer", "judged correct", "mended", "tokens")
    yield Table(
        "reflection",
        "What students wrote about questions that they were not trained on",
        [Column("arm"), number("round"), *map(number, counted), Column("FLOPs", formatting.powers)],
        [
            [
                *(arm.name, each.round, each.questions, each.samples, each.answered, each.correct, each.mended),
                *(each.tokens, each.flops),
            ]
            for arm, took in trained
            for each in took.reflection
        ],
    )
