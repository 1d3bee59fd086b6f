"""Targets that are chosen from annotations question by question whenever they are read, so that memory holds none.

A method gives `choose_targets` a function from one annotation to its targets, and is given `Stage.targets` and
`Stage.dropped`. A tuple of targets would do as well, but it stays in memory as long as the stage.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import overload

from mindsmirror.records import Annotation, Target

Choose = Callable[[Annotation, Counter[str]], Iterable[Target]]
"""The targets of one annotation; what is left out is counted, by reason."""
Choice = Callable[[Sequence[Annotation]], Iterable[Target]]
"""The targets of one question, of which there may be several annotations, one after the other."""


@dataclass(frozen=True, eq=False)
class ChosenTargets(Sequence[Target]):
    """The targets of annotated questions, question by question; every iteration chooses them anew."""

    annotations: Sequence[Annotation]
    choice: Choice
    length: int

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Target]:
        return chain.from_iterable(map(self.choice, _by_question(self.annotations)))

    @overload
    def __getitem__(self, index: int) -> Target: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Target, ...]: ...
    def __getitem__(self, index: int | slice) -> Target | tuple[Target, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        return next(islice(self, range(self.length)[index], None))

    def changed(self, change: Callable[[Target], Target]) -> "ChosenTargets":
        """The same targets, each of them changed."""
        return ChosenTargets(self.annotations, lambda question: map(change, self.choice(question)), self.length)


def choose_targets(annotations: Sequence[Annotation], choose: Choose) -> tuple[ChosenTargets, Counter[str]]:
    """The targets that `choose` finds, equal ones of a question merged, and what was left out of all questions.

    Reads the annotations once; whoever iterates over the targets reads them again.
    """
    dropped: Counter[str] = Counter()

    def choice(question: Sequence[Annotation], dropped: Counter[str]) -> tuple[Target, ...]:
        return merged(target for annotation in question for target in choose(annotation, dropped))

    length = sum(len(choice(question, dropped)) for question in _by_question(annotations))
    return ChosenTargets(annotations, lambda question: choice(question, Counter()), length), dropped


def beside(first: Sequence[Target], second: Sequence[Target]) -> Sequence[Target]:
    """The targets of both, which have none in common.

    Where both are chosen from the same annotations, they are so together: a question's first ones, then its second.
    """
    if not (isinstance(first, ChosenTargets) and isinstance(second, ChosenTargets)):
        return (*first, *second)

    def both(question: Sequence[Annotation]) -> Iterable[Target]:
        return chain(first.choice(question), second.choice(question))

    return ChosenTargets(first.annotations, both, first.length + second.length)


def _by_question(annotations: Iterable[Annotation]) -> Iterator[list[Annotation]]:
    for _, question in groupby(annotations, key=lambda annotation: annotation.example.id):
        yield list(question)


def merged(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Targets that ask the same and say the same become one, with the sum of their weights."""
    weights: dict[tuple[object, ...], float] = {}
    first: dict[tuple[object, ...], Target] = {}
    for target in targets:
        data = tuple(sorted(target.data.items()))
        key = (target.tag, target.example, target.question, target.rationale, target.text, data)
        weights[key] = weights.get(key, 0.0) + target.weight
        first.setdefault(key, target)
    return tuple(target.model_copy(update={"weight": weights[key]}) for key, target in first.items())
