"""The generators of the reasoning-gym package as tasks, scored by their own verifiers.

    [task]
    name = "reasoning_gym:leg_counting"
    parameters = { min_animals = 2, max_animals = 2, min_instances = 1, max_instances = 5 }

In that package question i of seed s is question i - 1 of seed s + 1. Therefore this module draws one stream from one
seed, drops repeated texts, and splits the rest: first test, then valid, then train. So more training questions change
neither of the other splits. And the package is not given a recipe's seed but one that lies far from those of its
neighbours, so that other seeds are other questions.
"""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from mindsmirror.answers.base import Answer, AnswerKind
from mindsmirror.answers.label import Label
from mindsmirror.answers.number import Number, looks_numeric
from mindsmirror.answers.text import Text
from mindsmirror.errors import DataError, MissingExtraError, RecipeError, UnknownNameError
from mindsmirror.records import Example
from mindsmirror.tasks.base import Splits, Task, TaskConfig
from mindsmirror.tasks.gym_text import without_suppressors
from mindsmirror.tasks.gym_verifier import Verifier
from mindsmirror.tasks.registry import GENERATED
from mindsmirror.tasks.splits import content_id

NOT_TASKS = frozenset({"composite"})
"""A mixture of other generators, which a recipe cannot describe by plain parameters."""
STREAM = 10_000
"""Length of the stream, or twice what is asked for; a few generators draw all of it when they are made."""
SEEDS, APART = 2**31, 1_327_217_885
"""Seeds that every generator takes, and the distance of neighbours among them, by the golden ratio: of 4,001 seeds in a
row no two streams of 371,000 questions overlap. Seed 0 stays 0."""
PATIENCE = 200
"""The generator counts as exhausted after this many repeats in a row (and twice what was found)."""


def load(config: TaskConfig) -> Task:
    """The generated task. RecipeError names a parameter that is unknown or refused; DataError says how many
    different questions there are where the recipe asks for more."""
    name = config.name.removeprefix(GENERATED)
    sizes = [_asked(config, split) for split in ("test", "valid", "train")]
    length = max(STREAM, 2 * sum(sizes))
    dataset = _dataset(name, {"seed": _first(config.seed), "size": length}, config.parameters)
    drawn = list(_distinct(dataset, sum(sizes), length))
    if len(drawn) < sum(sizes):
        raise DataError(
            f"{config.name} with these parameters gave only {len(drawn)} different questions; the recipe asks "
            f"for {sum(sizes)}. Ask for fewer, or widen task.parameters."
        )
    entries = {content_id(text): entry for text, entry in drawn}
    verifier = Verifier(name, dataset.score_answer, entries)
    kind = _kind([entry["answer"] for _, entry in drawn], verifier, list(entries))
    examples = [Example(id=content_id(text), text=text, gold=_gold(entry["answer"], kind)) for text, entry in drawn]
    test, valid = sizes[0], sizes[0] + sizes[1]
    splits = Splits(tuple(examples[valid:]), tuple(examples[test:valid]), tuple(examples[:test]))
    package = version("reasoning-gym")
    return Task(
        config.name,
        1,
        "Apache-2.0 (reasoning-gym)",
        kind,
        splits,
        scorer=verifier,
        sources={"reasoning-gym": package, "seed": str(config.seed)},
    )


def generator_names() -> tuple[str, ...]:
    """The generators that there are. MissingExtraError without the package."""
    return tuple(sorted(set(_registered()) - NOT_TASKS))


def _first(seed: int) -> int:
    """The package's seed of the first question."""
    return seed * APART % SEEDS


def _asked(config: TaskConfig, split: str) -> int:
    size: int | None = getattr(config, split)
    if size is None:
        raise RecipeError(
            f"task.{split} is missing: {config.name} has no end, so the recipe must say how many questions to generate."
        )
    return size


def _registered() -> Mapping[str, tuple[type, type]]:
    try:
        from reasoning_gym.factory import DATASETS
    except ImportError as error:
        raise MissingExtraError("reasoning-gym", "reasoning-gym") from error
    registered: Mapping[str, tuple[type, type]] = DATASETS
    return registered


def _dataset(name: str, stream: Mapping[str, int], parameters: Mapping[str, Any]) -> Any:
    """The generator. Lists of the recipe stay lists; what the generator refuses is a RecipeError."""
    registered = _registered()
    if name not in registered or name in NOT_TASKS:
        raise UnknownNameError("reasoning_gym generator", name, generator_names())
    make, make_config = registered[name]
    known = {field.name for field in dataclasses.fields(make_config)} - set(stream)
    for key in parameters:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise RecipeError(
                f"task.parameters.{key} is not a parameter of {name}.{hint} There are: {', '.join(sorted(known))}."
            )
    try:
        settings = make_config(**stream, **parameters)
        if hasattr(settings, "validate"):
            settings.validate()
        return make(settings)
    except Exception as error:  # generators assert, compare and index; all of it means a value they refuse
        given = ", ".join(f"{key} = {value!r}" for key, value in parameters.items())
        raise RecipeError(
            f"task.parameters: {name} refuses {given or 'its defaults'}: {error or type(error).__name__}."
        ) from error


def _distinct(dataset: Any, wanted: int, length: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Question texts, no two equal, with their entries, until `wanted` or until only repeats come."""
    seen: set[str] = set()
    repeats = index = 0
    while len(seen) < wanted and repeats < PATIENCE + 2 * len(seen) and index < length:
        entry = dataset[index]
        index += 1
        text = without_suppressors(entry["question"])
        key = content_id(text)
        if key in seen:
            repeats += 1
            continue
        repeats = 0
        seen.add(key)
        yield text, entry


def _kind(golds: list[Any], verifier: Verifier, ids: list[str]) -> AnswerKind:
    """number or yes_no if all gold answers are of that kind and their canonical form still passes the verifier."""
    texts = [str(gold).strip() for gold in golds]
    candidates: list[AnswerKind] = []
    if all(looks_numeric(text) for text in texts):
        candidates.append(Number())
    words = {text.casefold(): text for text in texts}
    if set(words) <= {"yes", "no"} or set(words) <= {"true", "false"}:
        candidates.append(_as_spelt(words))
    for kind in candidates:
        read = [kind.read(text, {}) for text in texts]
        if all(a is not None and verifier.accepts(i, a.text) for i, a in zip(ids, read, strict=True)):
            return kind
    return Text()


def _as_spelt(words: Mapping[str, str]) -> Label:
    """Yes and no in the words and capitals of the generator, so that its verifier knows them."""
    first, second = ("yes", "no") if set(words) <= {"yes", "no"} else ("true", "false")
    capital = next(iter(words.values()))[:1].isupper()
    positive, negative = (word.capitalize() if capital else word for word in (first, second))
    other = ("true", "false") if first == "yes" else ("yes", "no")
    return Label("yes_no", (positive, negative), {other[0]: positive, other[1]: negative})


def _gold(answer: Any, kind: AnswerKind) -> str | None:
    if answer is None:
        return None
    read: Answer | None = kind.read(str(answer), {})
    return read.text if read is not None else str(answer)
