"""How much a teacher's rationales of the same question differ, in their answers and in their texts."""

from collections.abc import Callable, Sequence
from statistics import fmean

from mindsmirror.evaluation.diversity import self_bleu
from mindsmirror.records import Annotation, Example, Parse
from mindsmirror.reporting.schema import Diversity

AnswerKey = Callable[[Example, str], str]
"""What two answers to an example have in common if they are the same answer."""


def as_written(example: Example, answer: str) -> str:
    """Answers are the same if they are written alike."""
    return answer


def rationale_diversity(annotations: Sequence[Annotation], key: AnswerKey = as_written) -> Diversity | None:
    """Means over the questions of which at least two rationales parsed; None if there is none.

    A single rationale differs from nothing, so such questions would only lift the shares.
    """
    parsed = [(a.example, [r for r in a.rationales if r.parse is Parse.OK]) for a in annotations]
    several = [(example, said) for example, said in parsed if len(said) > 1]
    if not several:
        return None
    sizes = [len(said) for _, said in several]
    answers = [len({None if r.answer is None else key(example, r.answer) for r in said}) for example, said in several]
    texts = [[r.text for r in said] for _, said in several]
    different = [len(set(of_question)) for of_question in texts]
    alike = [found for found in map(self_bleu, texts) if found is not None]
    known = {a.provenance.temperature for a in annotations}
    return Diversity(
        questions=len(several),
        rationales=fmean(sizes),
        answers=fmean(answers),
        distinct_answers=fmean(number / size for number, size in zip(answers, sizes, strict=True)),
        one_answer=fmean(number == 1 for number in answers),
        texts=fmean(different),
        distinct_texts=fmean(number / size for number, size in zip(different, sizes, strict=True)),
        self_bleu=fmean(alike),
        temperatures=tuple(sorted(temperature for temperature in known if temperature is not None)),
    )
