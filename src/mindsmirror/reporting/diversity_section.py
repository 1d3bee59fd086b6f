"""How much a teacher's rationales of the same question differ, in their answers and in their texts."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

from mindsmirror.evaluation.diversity import self_bleu
from mindsmirror.records import Annotation, Example, Parse
from mindsmirror.reporting.schema import Diversity

AnswerKey = Callable[[Example, str], str]
"""What two answers to an example have in common if they are the same answer."""


def as_written(example: Example, answer: str) -> str:
    """Answers are the same if they are written alike."""
    return answer


@dataclass
class DiversityTotals:
    """A few numbers for each question of which at least two rationales parsed: alone, one differs from nothing."""

    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    """Rationales that parsed."""
    answers: "array[int]" = field(default_factory=lambda: array("q"))
    """Different answers among them."""
    texts: "array[int]" = field(default_factory=lambda: array("q"))
    """Different texts among them."""
    alike: "array[float]" = field(default_factory=lambda: array("d"))
    """Their self-BLEU."""
    temperatures: set[float | None] = field(default_factory=set)

    def add(self, annotation: Annotation, key: AnswerKey) -> None:
        """One more question; `key` says which of its answers are the same."""
        self.temperatures.add(annotation.provenance.temperature)
        parsed = [rationale for rationale in annotation.rationales if rationale.parse is Parse.OK]
        if len(parsed) < 2:
            return
        example, texts = annotation.example, [rationale.text for rationale in parsed]
        self.sizes.append(len(parsed))
        self.answers.append(len({None if r.answer is None else key(example, r.answer) for r in parsed}))
        self.texts.append(len(set(texts)))
        found = self_bleu(texts)
        if found is not None:
            self.alike.append(found)

    def means(self) -> Diversity | None:
        """Means over the questions; None if there is none."""
        if not self.sizes:
            return None
        return Diversity(
            questions=len(self.sizes),
            rationales=fmean(self.sizes),
            answers=fmean(self.answers),
            distinct_answers=fmean(number / size for number, size in zip(self.answers, self.sizes, strict=True)),
            one_answer=fmean(number == 1 for number in self.answers),
            texts=fmean(self.texts),
            distinct_texts=fmean(number / size for number, size in zip(self.texts, self.sizes, strict=True)),
            self_bleu=fmean(self.alike),
            temperatures=tuple(sorted(temperature for temperature in self.temperatures if temperature is not None)),
        )
