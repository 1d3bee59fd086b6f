"""Too few test questions are said, with the interval that they leave and what to do."""

import pytest

from mindsmirror.evaluation.sample_size import FEW, too_few_tests
from mindsmirror.evaluation.statistics import wilson
from mindsmirror.records import Example
from mindsmirror.tasks import TaskConfig


def questions(count: int) -> list[Example]:
    return [Example(id=str(number), text=f"q{number}") for number in range(count)]


@pytest.mark.parametrize("count", range(1, FEW))
def test_the_interval_is_that_of_the_report(count: int) -> None:
    few = too_few_tests(TaskConfig(name="reasoning_gym:x"), questions(count))
    assert few is not None
    half = (count + 1) // 2
    low, high = wilson(half, count)
    assert f"with {half} right, the 95 % interval is {100 * low:.0f} to {100 * high:.0f} %." in few.found
    assert few.found.startswith(f"{count} test question") and few.advice[0].isupper() and few.advice.endswith(".")


def test_enough_is_not_spoken_of() -> None:
    assert too_few_tests(TaskConfig(name="svamp"), questions(FEW)) is None


def test_what_to_do_depends_on_where_the_questions_come_from() -> None:
    def advice(**table: object) -> str:
        few = too_few_tests(TaskConfig.model_validate(table), questions(1))
        assert few is not None and few.found == "1 test question: with 1 right, the 95 % interval is 21 to 100 %."
        return few.advice

    assert advice(name="svamp", test=1) == "Raise test in [task]."
    rows = "dd rows, or put more of them into the test by a field 'split' in every row."
    assert advice(name="mine.jsonl") == f"A{rows}"
    assert advice(name="mine.jsonl.gz", test=1) == f"Raise test in [task], or a{rows}"
    assert advice(name="anli_r1") == "Take more test questions."
