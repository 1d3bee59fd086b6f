"""Two processes learn what one does: the same rows in every step, the same loss, the same gradient."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from learning_together import ACCUMULATE, learn
from safetensors.torch import load_file

from mindsmirror.records import Tag
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.students.seq2seq import Seq2SeqStudent
from mindsmirror.system.distributed import agreed, join, leads, processes
from mindsmirror.training.shards import shards_of_steps

Folder = Callable[..., Path]
KINDS = ("llama", "t5", "lora", "edit", "dynsdpb")
"""Students, and methods whose losses have terms of their own."""
WORDS = tiny.tokenizer(None)
STUDENT = Seq2SeqStudent(tiny.model("t5", len(WORDS)), WORDS, max_source=512, max_target=256)


def rows_of(batches: Sequence[Sequence[Sequence[TokenisedTarget]]]) -> Counter[TokenisedTarget]:
    return Counter(row for batch in batches for family in batch for row in family if row.weight > 0)


@given(
    st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=4), min_size=1, max_size=9),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_the_rows_of_a_step_are_dealt_out_once_each(shapes: list[list[int]], accumulate: int, count: int) -> None:
    """Shapes: how many rows each family of each batch has."""
    plan = tuple(
        tuple(
            tuple(TokenisedTarget(f"{b} {f}", Tag.EXPLAIN, (5, b, f), (7, row)) for row in range(rows))
            for f, rows in enumerate(batch)
        )
        for b, batch in enumerate(shapes)
    )
    dealt = [shards_of_steps(plan, accumulate, count, rank, STUDENT) for rank in range(count)]
    assert len({(len(mine), batches) for mine, batches in dealt}) == 1, "all take as many turns"
    batches = dealt[0][1]
    steps = -(-len(plan) // accumulate)
    assert -(-len(dealt[0][0]) // batches) == steps
    for step in range(steps):
        expected = rows_of(plan[step * accumulate : (step + 1) * accumulate])
        mine = [part[step * batches : (step + 1) * batches] for part, _ in dealt]
        assert sum((rows_of(part) for part in mine), Counter()) == expected
        assert all(len(part) <= batches for part in mine)


def test_one_process_has_the_plan_as_it_is() -> None:
    plan = tuple(((TokenisedTarget(str(n), Tag.EXPLAIN, (5, n), (7,)),),) for n in range(5))
    assert shards_of_steps(plan, 2, 1, 0, STUDENT) == (plan, 2)
    join()
    assert (processes(), leads(), agreed("x")) == (1, True, "x")


def test_families_stay_whole_where_there_are_enough() -> None:
    families = tuple(
        tuple(TokenisedTarget(str(n), Tag.EXPLAIN, (5, n), (7, row)) for row in range(3)) for n in range(4)
    )
    for rank in range(2):
        [batch], _ = shards_of_steps((families,), 1, 2, rank, STUDENT)
        assert len(batch) == 2
        assert all(family in families for family in batch)


@pytest.fixture(scope="module")
def together(
    tiny_folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, int], tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]]:
    """What one process and what two came to."""
    students = {kind: tiny_folder("t5" if kind == "t5" else "llama") for kind in KINDS}
    out = tmp_path_factory.mktemp("together")
    for kind, folder in students.items():
        learn(kind, folder, out / "one")
    here = Path(__file__).parents[2]
    paths = [here, here.parent / "src"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, str(here / "learning_together.py"), str(out / "two")]
    command += [f"{kind}={folder}" for kind, folder in students.items()]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-8000:]

    def made(kind: str, accumulate: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        one, two = (load_file(out / name / f"{kind}-{accumulate}.safetensors") for name in ("one", "two"))
        return one, two

    return made


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("accumulate", ACCUMULATE)
def test_two_processes_learn_what_one_does(
    kind: str,
    accumulate: int,
    together: Callable[[str, int], tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]],
) -> None:
    """The first step to rounding; later ones start from weights that have rounded differently, and Adam's steps do not
    depend on a gradient's size, so where a gradient is all rounding they are of any size."""
    one, two = together(kind, accumulate)
    assert one.keys() == two.keys()
    assert len(one["loss"]) == (7 // accumulate if kind == "dynsdpb" else -(-7 // accumulate))
    assert kind != "edit" or "loss unlearn_explain" in one, sorted(key for key in one if key.startswith("loss"))
    largest = max(float(value.norm()) for name, value in one.items() if name.startswith("0 "))
    for name, value in one.items():
        if "loss" in name:
            # A divergence of nearly equal distributions is a difference of numbers that round at 1e-7.
            rounding = 1e-5 if "agree" in name else 0
            torch.testing.assert_close(two[name][:1], value[:1], rtol=1e-5, atol=rounding, equal_nan=True)
            torch.testing.assert_close(two[name], value, rtol=1e-3, atol=rounding, equal_nan=True)
        elif name.startswith("0 "):
            assert float((two[name] - value).norm()) <= 1e-5 * float(value.norm()) + 1e-7 * largest, name
        elif name.startswith("weight"):
            assert float((two[name] - value).norm()) <= 1e-3 * float(value.norm()), name
