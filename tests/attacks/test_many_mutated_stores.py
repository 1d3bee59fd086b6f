"""Thousands of stores with flipped, swapped and cut bytes: the same annotation, or one error that says so."""

import random
from collections import Counter
from pathlib import Path

from attacks.scale import ATTACK, TIMES
from unit.annotation.test_store_integrity import hit, outcome

pytestmark = ATTACK

STORES = 6000 * TIMES


def test_thousands_of_mutated_stores_give_the_same_or_say_so(tmp_path: Path) -> None:
    found: Counter[str] = Counter()
    for number in range(STORES):
        draw = random.Random(number)
        way, hits = draw.choice(("flip", "noise", "swap", "cut")), draw.choice((1, 1, 1, 2, 5, 40))
        folder = tmp_path / str(number)
        folder.mkdir()
        found[outcome(folder, hit(draw, hits, way))] += 1
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()
    print(dict(found))
    assert min(found["same"], found["refused"]) > STORES // 10
