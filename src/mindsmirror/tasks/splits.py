"""From examples to disjoint splits: identity by content, repeats dropped, validation cut by question."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.tasks.base import Splits, TaskConfig

TEST_SHARE = VALID_SHARE = 0.1
LARGEST_TEST = 0.3
WANTED_TESTS = 100
"""A 95 % interval of 20 points where half are right."""


def content_id(text: str) -> str:
    """16 hex digits of the SHA-256 of the question, white space normalised: the id of a row without one."""
    return _digest(" ".join(text.split()))[:16]


def question_key(text: str) -> str:
    """Equal for questions that differ only in case and spacing."""
    return " ".join(text.casefold().split())


def bucket(identity: str) -> float:
    """A number in [0, 1) fixed by the id alone, so that added rows never move old ones."""
    return int(_digest(f"split:{identity}")[:13], 16) / 16**13


def shares(answered: int) -> tuple[float, float]:
    """The shares of test and validation in a file with so many answered questions and no splits of its own.

    A tenth each, but in small files more for the test: as much as makes 100 test questions, up to three tenths.
    The shares never grow with the file, and `bucket` is fixed by the id. So adding rows never moves a question from
    training to test. Until there are 1,000 questions, it can move one from test to training.
    """
    test = min(LARGEST_TEST, max(TEST_SHARE, WANTED_TESTS / answered)) if answered else TEST_SHARE
    return test, VALID_SHARE


def cut(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """The examples, and the `share` of them (by bucket of the question's text) that is held out."""
    held = {example.id for example in examples if bucket(content_id(question_key(example.text))) < share}
    kept = [example for example in examples if example.id not in held]
    return kept, [example for example in examples if example.id in held]


def make_splits(
    config: TaskConfig,
    train: Iterable[Example],
    valid: Iterable[Example],
    test: Iterable[Example],
    hold: Callable[[Iterable[Example]], Sequence[Example]] = tuple,
    way_out: str = "",
) -> tuple[Splits, int]:
    """Splits of the sizes that the recipe asks for, each held by `hold`, and how many repeats were dropped.

    A repeated question (the same shown text, case and spacing aside) stays in the first of test, valid and train that
    has it, so no test question is trained on. Each split takes the first N of its order.
    DataError, with `way_out` as what else can be done, if there are fewer than asked for.
    """
    seen: set[bytes] = set()
    dropped = 0

    def unseen(examples: Iterable[Example]) -> Iterator[Example]:
        nonlocal dropped
        for example in examples:
            # Digests, because the texts of a million questions would outweigh the questions as they are held.
            key = hashlib.sha256(question_key(example.text).encode("utf-8", "surrogatepass")).digest()[:16]
            if key in seen:
                dropped += 1
            else:
                seen.add(key)
                yield example

    tests, valids, trains = (hold(unseen(part)) for part in (test, valid, train))
    splits = Splits(
        _first(trains, config.train, "train", config.name, way_out),
        _first(valids, config.valid, "valid", config.name, way_out),
        _first(tests, config.test, "test", config.name, way_out),
    )
    return splits, dropped


def _first(examples: Sequence[Example], wanted: int | None, split: str, name: str, way_out: str) -> Sequence[Example]:
    if wanted is None:
        return examples
    if wanted > len(examples):
        raise DataError(
            f"task {name}: the recipe asks for {split} = {wanted} questions, but there are {len(examples)}. "
            f"Set {split} to {len(examples)} or less. {way_out}".rstrip()
        )
    return examples[:wanted]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
