from itertools import combinations, pairwise

import pytest

from mindsmirror.answers import Answer
from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.records import Example
from mindsmirror.tasks import Task, TaskConfig, load_task, reasoning_gym
from mindsmirror.tasks.gym_text import without_suppressors
from mindsmirror.tasks.gym_verifier import harmless

pytest.importorskip("reasoning_gym", reason="the extra reasoning-gym is not installed")

LEGS = {"min_animals": 2, "max_animals": 2, "min_instances": 1, "max_instances": 5}


def load(name: str, train: int = 6, valid: int = 2, test: int = 4, **settings: object) -> Task:
    sizes = {"train": train, "valid": valid, "test": test}
    return load_task(TaskConfig.model_validate({"name": f"reasoning_gym:{name}", **sizes, **settings}))


def everything(task: Task) -> list[Example]:
    return [example for split in task.splits for example in split]


def test_one_stream_gives_disjoint_splits_of_the_sizes_asked_for() -> None:
    task = load("leg_counting", 400, 50, 200, parameters=LEGS)
    assert [len(split) for split in task.splits] == [400, 50, 200]
    assert len({example.text for example in everything(task)}) == 650
    assert len({example.id for example in everything(task)}) == 650
    assert task.answers.name == "number"


def test_disjoint_even_where_the_generator_repeats_itself() -> None:
    few = {"min_animals": 1, "max_animals": 1, "min_instances": 1, "max_instances": 4}
    task = load("leg_counting", 60, 10, 30, parameters=few)
    assert len({example.text for example in everything(task)}) == 100
    with pytest.raises(DataError, match=r"gave only 1\d\d different questions; the recipe asks for 600"):
        load("leg_counting", 400, 100, 100, parameters=few)


def test_more_training_questions_change_neither_validation_nor_test() -> None:
    few, many = load("leg_counting", 10, parameters=LEGS), load("leg_counting", 100, parameters=LEGS)
    assert few.splits.test == many.splits.test and few.splits.valid == many.splits.valid
    assert few.splits.train == many.splits.train[:10]
    assert load("leg_counting", 10, parameters=LEGS, seed=7).splits.test != few.splits.test


def test_another_seed_is_other_questions() -> None:
    """In the package the questions of seed 1 are those of seed 0 but for one."""
    first, second, third, before = (load("basic_arithmetic", 60, 20, 60, seed=seed) for seed in (0, 1, 2, -1))
    for one, other in combinations((first, second, third, before), 2):
        assert len({e.id for e in everything(one)} & {e.id for e in everything(other)}) < 5


def test_streams_of_seeds_lie_apart() -> None:
    firsts = sorted(map(reasoning_gym._first, range(-2000, 2001)))
    assert firsts[0] >= 0 and firsts[-1] < reasoning_gym.SEEDS
    assert min(after - before for before, after in pairwise(firsts)) > 371_000
    assert reasoning_gym._first(0) == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("leg_counting", "number"),
        ("basic_arithmetic", "number"),
        ("syllogism", "yes_no"),
        ("course_schedule", "yes_no"),
        ("family_relationships", "text"),
        ("spiral_matrix", "text"),
        ("caesar_cipher", "text"),
        ("calendar_arithmetic", "text"),
        ("rotate_matrix", "text"),
        ("power_function", "text"),
    ],
)
def test_gold_passes_the_generators_own_verifier(name: str, kind: str) -> None:
    task = load(name)
    assert task.answers.name == kind
    for example in everything(task):
        assert example.gold is not None
        assert task.right(example, task.read(example, example.gold)) is True
        assert task.right(example, Answer("wrong", "wrong")) is False


def test_a_verifier_judges_where_there_is_no_gold() -> None:
    task = load("rush_hour", 2, 1, 1)
    example = task.splits.test[0]
    assert example.gold is None
    assert task.right(example, Answer("AA+99", "aa+99")) is False


def test_a_final_stop_of_the_answer_sentence_does_not_decide() -> None:
    task = load("sentence_reordering")
    for example in everything(task):
        assert example.gold is not None
        assert task.right(example, task.read(example, example.gold.removesuffix("."))) is True


def test_wrong_names_and_parameters_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'leg_counting'"):
        load("leg_countng")
    with pytest.raises(RecipeError, match=r"task.parameters.min_animal is not a parameter.*Did you mean 'min_animals'"):
        load("leg_counting", parameters={"min_animal": 2})
    with pytest.raises(RecipeError, match="refuses min_animals = 0: min_animals must be positive"):
        load("leg_counting", parameters={"min_animals": 0})
    with pytest.raises(RecipeError, match="refuses min_animals = 'two'"):
        load("leg_counting", parameters={"min_animals": "two"})
    with pytest.raises(RecipeError, match=r"task\.test is missing"):
        load_task(TaskConfig(name="reasoning_gym:leg_counting", train=5, valid=0))


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("Find the GCD of 4 and 6. Give only the GCD as your final answer.\n", "Find the GCD of 4 and 6."),
        ("What day was it? Reply with just the weekday name.", "What day was it?"),
        ("What is Sarah to Elizabeth? Answer with a single word.", "What is Sarah to Elizabeth?"),
        ("What is it? Respond only with the word that describes it.", "What is it?"),
        (
            "Which angle (in degrees)?Return only the angle as your answer.Give no units.",
            "Which angle (in degrees)?Give no units.",
        ),
        ("1. Use '*'.\n2. Do not include any other text or formatting.\n", "1. Use '*'."),
        ("Follows?\n(Answer Yes or No)", "Follows?"),
        ("Walk. Give only the number of steps as your final answer, no other text or formatting.", "Walk."),
        (
            "Solve: 1\nRespond with only your answer, formatted as the puzzle, in rows.",
            "Solve: 1\nRespond with your answer, formatted as the puzzle, in rows.",
        ),
        (
            "State the final answer to the following arithmetic problem: 4 - 1 =",
            "Solve the following arithmetic problem: 4 - 1 =",
        ),
    ],
)
def test_sentences_that_suppress_a_rationale_are_stripped(question: str, left: str) -> None:
    assert without_suppressors(question) == left


@pytest.mark.parametrize(
    "question",
    [
        "Return True if you can finish all courses, or False otherwise.",
        "How many? Answer with -1 if the ordinal does not exist in the month.",
        "If there are multiple possible answers, only respond with one of them.",
        "Each number can only be used once. Only one disk can be moved at a time.",
        "Answer in HH:MM:SS.",
    ],
)
def test_what_defines_the_task_stays(question: str) -> None:
    assert without_suppressors(question) == question


def test_real_questions_lose_their_suppressors() -> None:
    for name in ("gcd", "family_relationships", "caesar_cipher", "fraction_simplification", "needle_haystack", "maze"):
        for example in everything(load(name)):
            assert "only" not in example.text.rsplit("\n", 1)[-1].split(".")[-2:][0].lower()
            assert "single word" not in example.text and "one word" not in example.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spiral_matrix", "[__import__('os').system('true')]"),
        ("spiral_matrix", "[print(1)]"),
        ("n_queens", "[x for x in 'aaaa']"),
        ("countdown", "9**9**9**9"),
        ("countdown", "exit()"),
        ("countdown", "(9**99)**(9**9)"),
        ("simple_integration", "factorial(99999999)"),
        ("simple_integration", "x**(9**9)"),
        ("leg_counting", "4" * 5000),
    ],
)
def test_text_that_a_verifier_would_evaluate_is_kept_from_it(name: str, text: str) -> None:
    assert not harmless(name, text)


@pytest.mark.parametrize(
    "name",
    ["simple_integration", "polynomial_multiplication", "countdown", "spiral_matrix"],
)
def test_right_answers_are_harmless(name: str) -> None:
    for example in everything(load(name)):
        assert example.gold is not None and harmless(name, example.gold), example.gold
