"""The order of a question's targets, and where a question that is too large for a batch is cut."""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.seq2seq import Seq2SeqStudent
from mindsmirror.training.batches import Pieces, PlannedBatches
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.encoding import encode
from mindsmirror.training.families import WHOLE, Family, parts_of
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.stages import ArmPlan, train_arm

WORDS = tiny.tokenizer(None)
STUDENT = Seq2SeqStudent(tiny.model("t5", len(WORDS)), WORDS, max_source=512, max_target=256)
"""Its sizes are easy to count: distinct sources and what is decoded from them."""
WEIGHTS = dict.fromkeys(Tag, 0.25)


def question(*targets: tuple[Tag, str, str | None]) -> Stage:
    """Targets of one question: tag, text, and the rationale that is shown."""
    made = (Target(tag=tag, example="Q", question="Q?", text=text, rationale=shown) for tag, text, shown in targets)
    return Stage(name="all", targets=tuple(made), task_weights=WEIGHTS)


def said(stage: Stage, student: tiny.AnyStudent) -> list[tuple[str, int]]:
    """Text and rationale of each row, in order."""
    [family] = encode(stage, Likelihood(student), max_target=256).families
    return [(student.tokenizer.decode(row.target).removesuffix("</s>"), row.rationale) for row in family]


def test_a_rationale_stands_with_its_verdict_and_critiques(tiny_folder: Callable[..., Path]) -> None:
    """As methods give them, task by task."""
    stage = question(
        (Tag.VERDICT, "correct", "two"),
        (Tag.CRITIQUE, "fine", "two"),
        (Tag.VERDICT, "wrong", "three"),
        (Tag.CRITIQUE, "no", "three"),
        (Tag.CRITIQUE, "no!", "three"),
        (Tag.PREDICT, "2", None),
        (Tag.EXPLAIN, "one", None),
        (Tag.EXPLAIN, "two", None),
    )
    found = said(stage, tiny.load(tiny_folder("llama")))
    assert found == [
        ("2", 0),
        *(("two", 1), ("correct", 1), ("fine", 1)),
        *(("wrong", 2), ("no", 2), ("no!", 2)),
        ("one", 3),
    ]


def test_so_does_one_in_published_form(tiny_folder: Callable[..., Path]) -> None:
    """The judge's tags are the thinker's, and it is shown the answer that the thinker does not write."""
    stage = question(
        (Tag.PREDICT, "2", None),
        (Tag.EXPLAIN, "One and one", None),
        (Tag.EXPLAIN, "One", None),
        (Tag.PREDICT, "wrong", "One The answer is 1."),
        (Tag.EXPLAIN, "It stops.", "One The answer is 1."),
        (Tag.PREDICT, "correct", "One and one The answer is 2."),
    )
    found = said(stage, tiny.load(tiny_folder("llama")))
    assert found == [
        ("2", 0),
        *(("One and one", 1), ("correct", 1)),
        *(("One", 2), ("wrong", 2), ("It stops.", 2)),
    ]


def family(sizes: Sequence[Sequence[int]], label: bool = False) -> Family:
    """Rationales as the sizes of their rows, which share nothing; a label has two tokens."""
    rows = [TokenisedTarget("Q", Tag.PREDICT, (5,), (7,))] if label else []
    for number, rationale in enumerate(sizes, start=1):
        for place, size in enumerate(rationale):
            source = (*range(10, 10 + size - 2), 100 + 10 * number + place)
            rows.append(TokenisedTarget("Q", Tag.EXPLAIN, source, (7,), rationale=number))
    return tuple(rows)


def rationales(parts: Sequence[Family]) -> list[list[int]]:
    return [[row.rationale for row in part] for part in parts]


def test_parts_by_hand() -> None:
    """Room for 20 tokens."""
    assert rationales(parts_of(family([[10], [10]]), STUDENT, 20)) == [[1, 2]]
    # 18 + 6 would fit as well, and so would three parts.
    assert rationales(parts_of(family([[6], [6], [6], [6]]), STUDENT, 20)) == [[1, 2], [3, 4]]
    # The label goes with the first; a rationale with its verdict is 24, too large for a batch, and is not cut.
    shown = parts_of(family([[12, 12], [6]], label=True), STUDENT, 20)
    assert rationales(shown) == [[0, 1, 1], [2]]
    # 44 is more than twice the room.
    assert rationales(parts_of(family([[6], [11, 11, 11, 11]]), STUDENT, 20)) == [[1], [2], [2], [2], [2]]
    assert rationales(parts_of(family([[50]]), STUDENT, 20)) == [[1]]


@given(
    st.lists(st.lists(st.integers(2, 20), min_size=1, max_size=3), min_size=1, max_size=6),
    st.booleans(),
    st.integers(16, 60),
)
def test_any_family(sizes: list[list[int]], label: bool, room: int) -> None:
    whole = family(sizes, label)
    parts = parts_of(whole, STUDENT, room)
    assert tuple(row for part in parts for row in part) == whole
    counts = [sum(rationale) for rationale in sizes]
    counts[0] += 2 * label
    cuts = [(one[-1].rationale, other[0].rationale) for one, other in pairwise(parts)]
    assert all(one != other or counts[one - 1] > WHOLE * room for one, other in cuts), "cut within a rationale"
    pieces = Pieces([whole], STUDENT, room)
    assert [pieces.rows(number) for number in range(len(pieces))] == parts
    assert pieces.torn(range(len(pieces))) == (len(parts) > 1)
    if max(counts) > room:
        return
    found = [STUDENT.size(part) for part in parts]
    assert max(found) <= room
    fitting = [best for count in range(len(counts)) if (best := smallest(counts, count)) <= room]
    assert max(found) == fitting[0], "the fewest parts that fit, as even as can be"
    assert len(parts) == next(count for count in range(len(counts)) if smallest(counts, count) <= room) + 1


def smallest(counts: Sequence[int], cuts: int) -> int:
    """The least that the largest part can have if there are so many cuts, by trying all."""
    found = []
    for places in combinations(range(1, len(counts)), cuts):
        edges = (0, *places, len(counts))
        found.append(max(sum(counts[one:two]) for one, two in pairwise(edges)))
    return min(found)


def test_a_family_that_is_cut_in_every_pass_counts_once() -> None:
    small, large = family([[4]]), family([[10], [10]])
    other = tuple(TokenisedTarget("R", row.tag, row.source, row.target) for row in small)
    plan = PlannedBatches(Pieces([other, large], STUDENT, 12))
    for _ in range(3):
        for piece in range(3):
            plan.append([piece])
    assert [sum(map(len, batch)) for batch in plan] == [1, 1, 1] * 3
    assert (plan.torn, plan[:1].torn, plan[3:6].torn) == (1, 0, 1)
    assert Pieces([other, large], STUDENT, 40).torn(range(2)) == 0


@pytest.mark.parametrize("room", [40, 200])
def test_what_a_stage_tells_of_it(room: int, tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    stage = question((Tag.PREDICT, "2", None), *((Tag.EXPLAIN, f"{n}: one and one is 2.", None) for n in range(3)))
    config = TrainingConfig(budget=Budget(epochs=2), batch_tokens=room, precision="fp32")
    student = StudentConfig(model=str(tiny_folder("llama")))
    [report] = train_arm(ArmPlan([stage], student, config, tmp_path, 0, "tiny")).stages
    assert report.torn == (room == 40)
