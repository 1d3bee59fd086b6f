"""Packed families are those that were put in, whatever they hold, in a small part of the memory."""

import tracemalloc
from collections.abc import Sequence

import tiny
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.base import TASKS, TokenisedTarget
from mindsmirror.students.seq2seq import Seq2SeqStudent
from mindsmirror.training.encoding import encode
from mindsmirror.training.families import Family
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.packed import PackedFamilies

WORDS = tiny.tokenizer(None)
STUDENT = Seq2SeqStudent(tiny.model("t5", len(WORDS)), WORDS, max_source=512, max_target=256)
TOKENS = st.lists(st.sampled_from([0, 1, 2, 2**16 - 1, 2**16, 2**31 - 1]), max_size=6).map(tuple)
NUMBERS = st.floats(allow_nan=False)


@st.composite
def rows(draw: st.DrawFn, name: str) -> TokenisedTarget:
    target = draw(TOKENS)
    factors = draw(st.one_of(st.just(()), st.tuples(*[NUMBERS] * len(target))))
    more = draw(st.tuples(NUMBERS, st.integers(0, 3), st.integers(0, 200)))
    return TokenisedTarget(name, draw(st.sampled_from(TASKS)), draw(TOKENS), target, more[0], factors, *more[1:])


FAMILIES = st.lists(st.text().flatmap(lambda name: st.lists(rows(name), min_size=1, max_size=5).map(tuple)), max_size=6)


def packed(families: Sequence[Family], behind: Sequence[int] = ()) -> PackedFamilies:
    made = PackedFamilies()
    for place, family in enumerate(families):
        made.append(family, behind=place in behind)
    return made


@given(FAMILIES, st.sets(st.integers(0, 5)))
def test_families_come_back(families: list[Family], behind: set[int]) -> None:
    places = range(len(families))
    expected = [families[n] for n in places if n not in behind] + [families[n] for n in places if n in behind]
    made = packed(families, tuple(behind))
    assert list(made) == expected
    assert made[1:] == tuple(expected[1:])
    if families:
        assert made[-1] == expected[-1]


def test_what_rows_share_is_stored_once() -> None:
    """A question of 200 tokens, a rationale of 100 for it, and four who judge that: 5,000 tokens as they stand."""
    question, rationale = tuple(range(200)), tuple(range(1000, 1100))
    family = (
        TokenisedTarget("q", Tag.EXPLAIN, question, (*rationale, 1)),
        *(TokenisedTarget("q", Tag.VERDICT, (*question, *rationale, n), (n, 1)) for n in range(4)),
    )
    tracemalloc.start()
    made = packed([family] * 1000)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(made) == [family] * 1000
    assert size / 1000 < 1200


def test_questions_that_are_only_judged_come_last() -> None:
    """As they would if a method gave all that is thought before all that is judged."""
    wanted = [("A", "good", "R"), ("B", "label", None), ("B", "bad", "R"), ("C", "good", "R"), ("D", "label", None)]
    targets = [
        Target(
            tag=Tag.PREDICT if shown is None else Tag.VERDICT, example=name, question=name, text=text, rationale=shown
        )
        for name, text, shown in wanted
    ]

    class Stream(list[Target]):
        """No tuple: read from one question to the next."""

    weights = {Tag.PREDICT: 0.5, Tag.VERDICT: 0.5}
    stages = [
        Stage.model_construct(name="s", targets=given, task_weights=weights)
        for given in (Stream(targets), tuple(targets), tuple(sorted(targets, key=lambda target: target.tag)))
    ]
    found = [encode(stage, Likelihood(STUDENT), max_target=256) for stage in stages]
    assert [rows[0].family for rows in found[0].families] == ["B", "D", "A", "C"]
    assert list(found[0].families) == list(found[1].families) == list(found[2].families)
    assert found[0].targets == 5
