"""A report as a real run makes it, and the smallest that can be."""

from datetime import UTC, datetime

import pytest

from mindsmirror.evaluation import wilson
from mindsmirror.evaluation.metrics import WithinQuestions, verdict_quality
from mindsmirror.evaluation.selective import RiskCoverage, risk_coverage
from mindsmirror.records import Verdict
from mindsmirror.reporting import (
    AnnotationReport,
    ArmAnswer,
    ArmResult,
    Comparison,
    Diversity,
    MirrorVersusVote,
    Report,
    ShownExample,
    StepYield,
    StudentJudge,
    TrainingReport,
)

ACCURACY = {
    ("untrained", "none"): {"predict": 4, "think": 3},
    ("standard", "standard"): {"predict": 12},
    ("step_by_step", "step_by_step"): {"predict": 11, "think": 52},
    ("minds_mirror", "minds_mirror"): {"predict": 14, "think": 61, "vote": 68, "mirror": 72},
}
QUESTION = "A farm has 4 sheep and 3 hens. How many legs do the animals have together?"


def surer(right: int) -> RiskCoverage | None:
    """Of 100 answers so many are right, more of them among the surer ones."""
    wrong = set(sorted(range(100), key=lambda number: number * (1 + number % 3))[: 100 - right])
    return risk_coverage(range(100), [number not in wrong for number in range(100)])


def arm_results() -> tuple[ArmResult, ...]:
    training = TrainingReport(
        steps=212,
        planned_steps=212,
        rows=1_900,
        tokens=100_240,
        target_tokens=31_800,
        computed_tokens=64_321,
        flops=41_234_567_890_123,
        seconds=184.2,
        selected_step=180,
        valid_accuracy=0.55,
    )
    return tuple(
        ArmResult(
            name=name,
            method=method,
            mode=mode,
            main=mode == ("predict" if method == "standard" else "think"),
            seed=0,
            n=100,
            accuracy=right / 100,
            ci95=wilson(right, 100),
            tokens_per_question={"predict": 3.1, "think": 58.4}.get(mode, 291.0),
            unparsed=14 if name == "untrained" else 1,
            risk_coverage=surer(right) if mode in ("vote", "mirror") else None,
            training=None if name == "untrained" else training,
        )
        for (name, method), modes in ACCURACY.items()
        for mode, right in modes.items()
    )


def said(arm: str, answer: str | None, rationale: str, confidence: float | None) -> ArmAnswer:
    return ArmAnswer(
        arm=arm, mode="think" if rationale else "predict", answer=answer, rationale=rationale, confidence=confidence
    )


def shown(fixed: bool) -> ShownExample:
    good = "Sheep have 4 legs: 4 × 4 = 16.\nHens have 2 legs: 3 × 2 = 6.\n16 + 6 = 22. The answer is 22."
    bad = "Sheep have 4 legs: 4 × 4 = 16.\nHens have 4 legs: 3 × 4 = 12.\n16 + 12 = 28. The answer is 28."
    return ShownExample(
        question=QUESTION,
        gold="22",
        fixed=fixed,
        baseline=said("standard", "18" if fixed else "22", "", None),
        ours=said("minds_mirror", "22" if fixed else "28", good if fixed else bad, 0.91 if fixed else 0.34),
    )


def annotation_report() -> AnnotationReport:
    cells = {
        (Verdict.CORRECT, True): 131,
        (Verdict.CORRECT, False): 14,
        (Verdict.WRONG, True): 10,
        (Verdict.WRONG, False): 71,
        (Verdict.UNCERTAIN, True): 3,
        (Verdict.UNCERTAIN, False): 5,
        (Verdict.UNPARSED, False): 2,
    }
    quality = verdict_quality([pair for pair, count in cells.items() for _ in range(count)])
    return AnnotationReport(
        examples=80,
        rationales=236,
        evaluations=236,
        unparsed=9,
        teacher_accuracy=0.61,
        verdicts={verdict: sum(pair) for verdict, pair in quality.table.items()},
        judge="consensus",
        judge_balanced_accuracy=quality.balanced_accuracy,
        judge_balanced_accuracy_ci95=quality.balanced_accuracy_ci95,
        judge_auroc=0.9,
        judge_auroc_ci95=(0.86, 0.94),
        judge_within=WithinQuestions(auroc=0.84, ci95=(0.75, 0.92), pairs=96, questions=44),
        majority_baseline=quality.majority_baseline,
        verdict_quality=quality,
        distinct_rationales=0.93,
        diversity=Diversity(
            questions=79,
            rationales=2.9,
            answers=1.6,
            distinct_answers=0.55,
            one_answer=0.481,
            texts=2.7,
            distinct_texts=0.93,
            self_bleu=0.42,
            temperatures=(0.8,),
        ),
        yields=(
            StepYield(step="rationale", asked=240, ok=231, reasons={"truncated": 5, "no_answer": 3, "empty": 1}),
            StepYield(step="critique", asked=231, ok=229, reasons={"failed": 2}),
        ),
        tokens_in=14_210,
        tokens_out=24_880,
        seconds=233.0,
    )


@pytest.fixture
def full_report() -> Report:
    return make_report()


def make_report() -> Report:
    return Report(
        name="quickstart",
        created=datetime(2026, 5, 4, 12, 30, tzinfo=UTC),
        task="reasoning_gym:leg_counting",
        teacher="qwen2.5-coder-1.5b-instruct",
        student="smollm2-135m-instruct",
        annotation=annotation_report(),
        arms=arm_results(),
        comparisons=(
            compare("minds_mirror", "untrained", "mirror", "predict", 0.68, (0.58, 0.77), 2e-12, 0.21),
            compare("minds_mirror", "untrained", "think", "think", 0.58, (0.48, 0.68), 3e-11, 0.2, planned=True),
            compare("minds_mirror", "standard", "think", "predict", 0.49, (0.38, 0.6), 4e-9, 0.19, planned=True),
            compare("minds_mirror", "step_by_step", "think", "think", 0.09, (-0.03, 0.21), 0.1996, 0.164),
        ),
        student_judge=StudentJudge(
            arm="minds_mirror",
            n=500,
            auroc=0.71,
            auroc_ci95=(0.63, 0.78),
            within=WithinQuestions(auroc=0.52, ci95=(0.44, 0.6), pairs=212, questions=61),
            said_correct=313,
            balanced_accuracy=0.64,
            majority_baseline=0.6,
            agreement_with_teacher=0.77,
            agreement_n=480,
        ),
        mirror_vs_vote=MirrorVersusVote(
            arm="minds_mirror",
            n=100,
            mirror=0.72,
            vote=0.68,
            difference=0.04,
            ci95=(-0.02, 0.1),
            p_mcnemar=0.29,
            smallest_detectable=0.09,
            mirror_tokens=291,
            vote_tokens=291,
        ),
        examples=(shown(True), shown(True), shown(False)),
        seconds={"annotate": 233.0, "train": 371.0, "evaluate": 122.0, "report": 0.4},
        machine="2 cores, 8 GB, Linux",
        provenance={"recipe": "quickstart.toml, 3f8a91c2", "commit": "0d4c7e1 (clean)", "seeds": "0"},
    )


def compare(
    a: str,
    b: str,
    mode_a: str,
    mode_b: str,
    difference: float,
    ci95: tuple[float, float],
    p: float,
    least: float,
    planned: bool = False,
) -> Comparison:
    return Comparison(
        a=a,
        b=b,
        mode_a=mode_a,
        mode_b=mode_b,
        n=100,
        difference=difference,
        ci95=ci95,
        p_mcnemar=p,
        p_adjusted=min(1.0, 2 * p),
        planned=planned,
        smallest_detectable=least,
    )


@pytest.fixture
def bare_report() -> Report:
    """Nothing that may be absent is there."""
    return Report(
        name="bare",
        created=datetime(2026, 5, 4, tzinfo=UTC),
        task="mine.jsonl",
        teacher="t",
        student="s",
        annotation=AnnotationReport(
            examples=1,
            rationales=0,
            evaluations=0,
            unparsed=0,
            teacher_accuracy=None,
            verdicts={},
            judge="plain",
            judge_balanced_accuracy=None,
            tokens_in=0,
            tokens_out=0,
            seconds=0.0,
        ),
    )
