import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.records import Example
from mindsmirror.tasks import Task, TaskConfig, load_task, task_descriptions, task_names
from mindsmirror.tasks.splits import bucket, shares


def write(path: Path, rows: Sequence[Any]) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def load(path: Path, **settings: Any) -> Task:
    return load_task(TaskConfig(name=str(path), **settings))


def everything(task: Task) -> list[Example]:
    return [example for split in task.splits for example in split]


def problems(n: int) -> list[dict[str, Any]]:
    return [{"question": f"What is {i} + {i}?", "answer": 2 * i, "source": "me"} for i in range(n)]


def test_word_problems(tmp_path: Path) -> None:
    task = load(write(tmp_path / "sums.jsonl", problems(200)))
    assert task.name == "sums" and task.answers.name == "number"
    assert [len(split) for split in task.splits] == [
        pytest.approx(120, abs=20),
        pytest.approx(20, abs=15),
        pytest.approx(60, abs=20),
    ]
    assert len(everything(task)) == 200
    example = next(e for e in everything(task) if e.text == "What is 21 + 21?")
    assert example.gold == "42" and example.extra == {"source": "me"}
    assert task.right(example, task.read(example, "42.0 apples")) is True
    assert task.right(example, task.read(example, "41")) is False
    assert task.right(example, None) is False


def test_added_rows_do_not_reshuffle_the_old(tmp_path: Path) -> None:
    few = load(write(tmp_path / "few.jsonl", problems(100)))
    more = load(write(tmp_path / "more.jsonl.gz", problems(300)))
    for before, after in zip(few.splits, more.splits, strict=True):
        assert {e.id for e in before} <= {e.id for e in after}


def test_caps_take_the_first_and_too_few_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "sums.jsonl", problems(1000))
    whole, part = load(path), load(path, train=10, valid=2, test=3)
    assert part.splits.train == whole.splits.train[:10] and part.splits.test == whole.splits.test[:3]
    assert [len(split) for split in part.splits] == [10, 2, 3]
    with pytest.raises(DataError, match=r"asks for train = 1000 questions, but there are \d+\..*Or name no sizes"):
        load(path, train=1000)
    rows = [{**row, "split": "train" if i else "test"} for i, row in enumerate(problems(9))]
    with pytest.raises(DataError, match=r"test = 2 questions, but there are 1\. Set test to 1 or less\.$"):
        load(write(tmp_path / "given.jsonl", rows), test=2)


def test_a_small_file_leaves_enough_for_the_test(tmp_path: Path) -> None:
    sizes = [len(split) for split in load(write(tmp_path / "small.jsonl", problems(60))).splits]
    assert sum(sizes) == 60 and sizes[2] == pytest.approx(18, abs=9) and sizes[0] >= 25
    named = load(tmp_path / "small.jsonl", train=20)
    assert [e.id for e in named.splits.test] == [e.id for e in named.splits.test if bucket(e.id) < 0.1]
    assert [len(split) for split in load(write(tmp_path / "large.jsonl", problems(4000))).splits] == [
        pytest.approx(3200, abs=150),
        pytest.approx(400, abs=100),
        pytest.approx(400, abs=100),
    ]


def test_only_answered_rows_count_for_the_size_of_the_test(tmp_path: Path) -> None:
    rows = [{**row, "answer": row["answer"] if i % 20 == 0 else None} for i, row in enumerate(problems(1200))]
    task = load(write(tmp_path / "few.jsonl", rows))
    assert len(task.splits.test) == pytest.approx(18, abs=9)


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_what_was_trained_on_is_not_tested_on_when_rows_are_added(answered: int, more: int) -> None:
    before, after = shares(answered), shares(answered + more)
    if answered:
        assert after[0] <= before[0] and sum(after) <= sum(before)
    assert 0.1 <= after[0] <= 0.3 and after[1] == 0.1
    assert shares(1000)[0] == shares(10**6)[0] == 0.1


@pytest.mark.parametrize("as_list", [False, True])
def test_multiple_choice(tmp_path: Path, as_list: bool) -> None:
    texts = ["bank", "river", "train station"]
    choices: Any = texts if as_list else dict(zip("ABC", texts, strict=True))
    keys: list[Any] = [1, "b", "river"] if as_list else ["B", "b", "River."]
    rows = [{"question": f"Where is {i}?", "choices": choices, "answer_key": keys[i % 3]} for i in range(60)]
    task = load(write(tmp_path / "mc.jsonl", rows))
    example = task.splits.train[0]
    assert task.answers.name == "choice"
    assert example.choices == {"a": "bank", "b": "river", "c": "train station"}
    assert example.text.endswith("\nAnswer choices:\n(a) bank\n(b) river\n(c) train station")
    assert {e.gold for e in everything(task)} == {"river"}
    assert task.right(example, task.read(example, "(B)")) is True


def test_inference_pairs(tmp_path: Path) -> None:
    labels = ["entailment", "neutral", "contradiction"]
    rows = [{"premise": f"p{i}", "hypothesis": f"h{i}", "label": labels[i % 3]} for i in range(90)]
    task = load(write(tmp_path / "nli.jsonl", rows))
    assert task.answers.name == "label"
    assert task.splits.train[0].text.startswith("Premise: p")
    own = [{"premise": f"p{i}", "hypothesis": f"h{i}", "label": ["same", "other"][i % 2]} for i in range(90)]
    other = load(write(tmp_path / "own.jsonl", own))
    assert other.splits.train[0].text.endswith("Which label fits: other or same?")
    assert other.read(other.splits.train[0], "Same.") == ("same", "same")


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([True, False], "yes_no"),
        (["Yes", "no"], "yes_no"),
        (["1,200", "$3.50"], "number"),
        (["9 (apples)", "1/2"], "number"),
        (["positive", "Negative"], "label"),
        (["Apollo 13", "Apollo 11", *(f"Apollo x{i}" for i in range(20))], "text"),
    ],
)
def test_the_kind_of_answer_is_guessed(tmp_path: Path, answers: list[Any], kind: str) -> None:
    rows = [{"question": f"q{i}", "answer": answers[i % len(answers)]} for i in range(80)]
    assert load(write(tmp_path / "x.jsonl", rows)).answers.name == kind


def test_the_kind_can_be_given(tmp_path: Path) -> None:
    rows = [{"question": f"q{i}", "answer": f"{i} + 1"} for i in range(60)]
    path = write(tmp_path / "x.jsonl", rows)
    assert load(path).answers.name == "text"
    assert load(path, answer="equation").splits.train[0].gold == rows_gold(path)
    with pytest.raises(DataError, match=r"line 1: the answer '0 \+ 1' is not of the kind number"):
        load(path, answer="number")
    with pytest.raises(RecipeError, match="must be one of number"):
        load(path, answer="numbers")


def rows_gold(path: Path) -> str:
    first = load(path).splits.train[0].gold
    assert first is not None
    return first


def test_body_stands_before_the_question(tmp_path: Path) -> None:
    rows = [{"id": i, "body": f"Ann has {i} pens.", "question": "How many?", "answer": i} for i in range(60)]
    task = load(write(tmp_path / "x.jsonl", rows))
    assert task.splits.train[0].text.split("\n")[1] == "How many?"
    assert {e.id for e in everything(task)} == {str(i) for i in range(60)}


def test_repeats_are_dropped_and_never_leak(tmp_path: Path) -> None:
    rows = problems(80) + [{"id": f"again-{i}", "question": f"what is  {i} + {i}?", "answer": 2 * i} for i in range(80)]
    task = load(write(tmp_path / "x.jsonl", rows + problems(5)))
    assert task.sources["repeats dropped"] == "85"
    texts = [" ".join(e.text.casefold().split()) for e in everything(task)]
    assert len(texts) == len(set(texts)) == 80


def test_an_explicit_split_is_honoured(tmp_path: Path) -> None:
    names = ["train", "validation", "test"]
    rows = [{**row, "split": names[i % 3]} for i, row in enumerate(problems(9))]
    task = load(write(tmp_path / "x.jsonl", rows))
    assert [[e.gold for e in split] for split in task.splits] == [["0", "6", "12"], ["2", "8", "14"], ["4", "10", "16"]]
    rows[4]["split"] = "tset"
    with pytest.raises(DataError, match="line 5: 'split' is 'tset'"):
        load(write(tmp_path / "x.jsonl", rows))
    rows[4] = {**problems(5)[4], "split": "test", "answer": None}
    with pytest.raises(DataError, match="line 5: a row of the split test needs an answer"):
        load(write(tmp_path / "x.jsonl", rows))


def test_unlabelled_rows_train(tmp_path: Path) -> None:
    rows = [{**row, "answer": row["answer"] if i % 2 else None} for i, row in enumerate(problems(200))]
    task = load(write(tmp_path / "x.jsonl", rows))
    assert all(e.gold is not None for e in (*task.splits.valid, *task.splits.test))
    unlabelled = [e for e in task.splits.train if e.gold is None]
    assert len(unlabelled) == 100
    assert task.right(unlabelled[0], task.read(unlabelled[0], "4")) is None


GOOD = {"question": "q", "answer": "a"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([GOOD, '{"question": '], "line 2: this is not JSON"),
        ([GOOD, r'{"question": "a \ud83d b", "answer": "a"}'], "line 2: .* is one half of a surrogate pair"),
        ([GOOD, "[1]"], "line 2: a row must be a JSON object, not a list"),
        ([GOOD, {"question": "q"}], "line 2: the row needs"),
        ([GOOD, {"question": "q", "a\nb\x1b": 1}], r"It has: question, 'a\\nb\\x1b'\. If it"),
        ([GOOD, {"question": 3, "answer": "a"}], "line 2: 'question' must be a string, not a number"),
        ([GOOD, {"question": "r", "answer": ["a"]}], "line 2: 'answer' must be a string, not a list"),
        ([GOOD, {"question": " ", "answer": "a"}], "line 2: 'question' is empty"),
        ([{"id": 7, **GOOD}, {"id": "7", **GOOD}], "line 2: the id '7' is used twice, here and in .*line 1"),
        ([GOOD, {"premise": "p", "hypothesis": "h", "label": "l"}], "line 2: its fields differ"),
        ([{"question": "q", "choices": ["a"], "answer_key": 0}], "line 1: 'choices' must map 2 to 26"),
        ([{"question": "q", "choices": ["a", "b"], "answer_key": 2}], "line 1: 'answer_key' is 2"),
        ([{"question": "q", "choices": ["a", "b"], "answer_key": "z"}], "line 1: 'answer_key' is 'z'"),
        ([GOOD], "none of its 1 rows is in the split"),
        ([{"question": "q", "answer": None}], "no row has an answer"),
        ([""], "contains no rows"),
        ([], "contains no rows"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, rows: list[Any], message: str) -> None:
    path = write(tmp_path / "bad.jsonl", rows)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert "bad.jsonl" in str(caught.value)


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load(tmp_path / "missing.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        load(tmp_path / "folder.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"question": "q", "answer": "a"}\n{"question": "\xe9", "answer": "a"}\n')
    with pytest.raises(DataError, match="line 2: this is not UTF-8"):
        load(tmp_path / "latin.jsonl")
    (tmp_path / "plain.jsonl.gz").write_text("{}")
    with pytest.raises(DataError, match="not a complete gzip file"):
        load(tmp_path / "plain.jsonl.gz")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(GOOD).encode() * 99)[:40])
    with pytest.raises(DataError, match="not a complete gzip file"):
        load(tmp_path / "cut.jsonl.gz")
    (tmp_path / "deep.jsonl").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(DataError, match="line 1"):
        load(tmp_path / "deep.jsonl")


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    lines = "\n\n".join(json.dumps(row) for row in problems(60))
    (tmp_path / "bom.jsonl").write_text("\ufeff" + lines, encoding="utf-8")
    assert len(everything(load(tmp_path / "bom.jsonl"))) == 60


def test_relative_paths_are_also_looked_for_in_data_dir(tmp_path: Path) -> None:
    write(tmp_path / "here.jsonl", problems(60))
    assert load(Path("here.jsonl"), data_dir=tmp_path).name == "here"


def test_unknown_tasks_list_what_there_is() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'svamp'.*reasoning_gym:NAME"):
        load_task(TaskConfig(name="swamp"))
    assert task_names() == ("svamp", "csqa", "anli_r1", "gsm8k", "strategyqa", "arc_challenge")
    assert set(task_names()) < set(task_descriptions())


def test_a_task_is_named_as_one_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "sums.jsonl", problems(60))
    monkeypatch.chdir(tmp_path)
    whole = load_task(TaskConfig(name="sums.jsonl", answer="text"))
    for named in (
        load_task(str(path), answer="text"),
        load_task(path, answer="text"),
        load_task("sums.jsonl", answer="text"),
    ):
        assert named.splits == whole.splits and named.answers.name == "text"
    assert len(load_task(TaskConfig(name="sums.jsonl", train=5), train=7).splits.train) == 7
    with pytest.raises(RecipeError, match=r"the task sums\.jsonl: there is no key 'tset'\. Did you mean 'test'\?"):
        load_task("sums.jsonl", tset=3)
    with pytest.raises(RecipeError, match="train: must be at least 1, not 0"):
        load_task("sums.jsonl", train=0)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("train"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "id",
    "question",
    "answer",
    "body",
    "split",
    "choices",
    "answer_key",
    "premise",
    "hypothesis",
    "label",
    "more",
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=4), st.integers(0, 11))
def test_whatever_stands_in_a_row_is_a_task_or_a_clear_refusal(tmp_path: Path, row: dict[str, Any], place: int) -> None:
    rows = [{**problem, "split": "train" if number % 3 else "test"} for number, problem in enumerate(problems(12))]
    rows[place] |= row
    path = write(tmp_path / "any.jsonl", rows)
    try:
        assert load(path).splits.train
    except (DataError, RecipeError) as error:
        assert str(path) in str(error)


def _deep(depth: int) -> str:
    return '{"question": "1+1?", "answer": 2, "more": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"question": "1+1?", "answer": 2, "split": ["train"]}', r"'split' is \['train'\]; it must be train"),
        ('{"question": "1+1?", "answer": 2, "split": {"a": 1}}', r"'split' is \{'a': 1\}"),
        (_deep(300), "objects and lists are nested more than 64 deep"),
        (_deep(65), "objects and lists are nested more than 64 deep"),
        (_deep(100_000), "this JSON cannot be read"),
        ('{"question": "1+1?", "answer": ' + "9" * 5000 + "}", "this JSON cannot be read"),
        ('{"question": "1+1?", "answer": 1e999}', "'answer' is inf, which is not a finite number"),
        ('{"question": "1+1?", "answer": NaN}', "'answer' is nan"),
        ('{"question": "' + "a" * 9_000_000 + '", "answer": 1}', "line 61 is longer than 8,388,608 bytes"),
        ("\n" * 200_000, "more than 100,000 blank lines"),
    ],
)
def test_what_is_longer_deeper_or_larger_than_is_ever_read(tmp_path: Path, line: str, reason: str) -> None:
    rows: list[Any] = [problem | {"split": "train" if n < 40 else "test"} for n, problem in enumerate(problems(60))]
    with pytest.raises(DataError, match=reason):
        load(write(tmp_path / "rows.jsonl", [*rows, line]))


def test_what_is_as_deep_as_is_read_is_written_down_again(tmp_path: Path) -> None:
    rows = [_deep(64).replace("1+1", f"{n}+1") for n in range(60)]
    for example in everything(load(write(tmp_path / "rows.jsonl", rows))):
        assert example.model_dump_json()


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name in ("zero.jsonl", "pipe.jsonl"):
        with pytest.raises(DataError, match=rf"{name} cannot be read twice"):
            load(tmp_path / name)
