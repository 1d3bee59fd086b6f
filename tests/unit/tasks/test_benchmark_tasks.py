"""The built-in tasks on the real data, where it is at hand."""

import gzip
import json
import os
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from mindsmirror.answers import Choice, Equation, Number, read_reply, read_verdict
from mindsmirror.errors import DataError
from mindsmirror.records import Example, Verdict
from mindsmirror.tasks import Task, TaskConfig, load_task, task_names
from mindsmirror.tasks.svamp import paper_split

DATA = Path(os.environ.get("MINDSMIRROR_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_data = pytest.mark.skipif(not (DATA / "svamp/all.jsonl").is_file(), reason="the benchmark data is not here")

SIZES = {
    "svamp": (720, 80, 200),
    "csqa": (8766, 975, 1221),
    "anli_r1": (9945, 1000, 1000),
    "gsm8k": (6699, 774, 1119),
    "strategyqa": (1661, 198, 201),
    "arc_challenge": (1017, 101, 872),
}


def load(name: str, **sizes: int) -> Task:
    return load_task(TaskConfig.model_validate({"name": name, "data_dir": DATA, **sizes}))


@needs_data
@pytest.mark.parametrize("name", task_names())
def test_splits_are_whole_disjoint_and_gold_scores_itself(name: str) -> None:
    task = load(name)
    assert tuple(map(len, task.splits)) == SIZES[name]
    examples = [example for split in task.splits for example in split]
    assert len({example.id for example in examples}) == len(examples)
    assert len({" ".join(example.text.casefold().split()) for example in examples}) == len(examples)
    for example in examples:
        if example.gold is not None:
            assert task.right(example, task.read(example, example.gold)), example
    assert all(e.gold is not None for e in (*task.splits.valid, *task.splits.test))


@needs_data
def test_sizes_of_the_recipe_take_the_first_of_the_papers_order() -> None:
    part = load("svamp", train=200, valid=8, test=5)
    assert [e.id for e in part.splits.train[:3]] == ["chal-674", "chal-163", "chal-379"]
    assert part.splits.train == load("svamp").splits.train[:200]
    with pytest.raises(DataError, match="train = 721 questions, but there are 720"):
        load("svamp", train=721)


@needs_data
def test_the_papers_split_is_computed_as_it_is_stored() -> None:
    assert paper_split() == json.loads((DATA / "svamp/splits/paper_720_80_200.json").read_text())


@needs_data
def test_svamp_equations_give_the_answer_but_for_the_known_error() -> None:
    wrong = []
    for split in load("svamp").splits:
        for example in split:
            equation, answer = Equation().read(example.gold or "", {}), Number().read(str(example.extra["answer"]), {})
            assert equation is not None and answer is not None
            wrong += [example.id] * (equation.key != answer.key)
    assert wrong == ["chal-680"]


@needs_data
def test_anli_without_gold_keeps_palm_labels_apart() -> None:
    task = load("anli_r1")
    assert "non-commercial" in task.licence
    assert all(example.gold is None for example in task.splits.train)
    assert sum("palm_label" in example.extra for example in task.splits.train) > 9800


def accuracy(task: Task, examples: dict[str, Example], name: str) -> tuple[float, float]:
    """Share of the recorded PaLM replies that parse, and that are right."""
    parsed = right = count = 0
    with gzip.open(DATA / f"dss_palm540b/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            example = examples[row["id"]]
            reply = read_reply(row["raw"], partial(task.read, example))
            count += 1
            parsed += reply.answer is not None
            right += bool(task.right(example, reply.answer))
    return parsed / count, right / count


@needs_data
@pytest.mark.parametrize(
    ("name", "file", "parsed", "right"),
    [
        ("svamp", "svamp_test", 0.96, 0.77),
        ("svamp", "svamp_train", 0.95, 0.74),
        ("csqa", "cqa_dev", 0.995, 0.785),
        ("anli_r1", "anli_r1_test", 0.995, 0.66),
        ("anli_r1", "anli_r1_dev", 0.995, 0.67),
    ],
)
def test_recorded_replies_parse(name: str, file: str, parsed: float, right: float) -> None:
    task = load(name)
    examples = {example.id: example for split in task.splits for example in split}
    share_parsed, share_right = accuracy(task, examples, file)
    assert share_parsed >= parsed
    assert right <= share_right <= right + 0.02


@needs_data
def test_the_official_sample_parses_whole() -> None:
    verdicts: Counter[Verdict] = Counter()
    answers: Counter[str] = Counter()
    for file in ("train", "test"):
        path = DATA / f"minds_mirror_official/datasets/svamp_tree1/llm/{file}_CoT_0.json"
        for step in (step for record in json.loads(path.read_text()) for step in record["steps"]):
            for text in step["new_ys"]:
                reply = read_reply(text, lambda raw: Equation().read(raw, {}))
                assert reply.answer is not None
                answers[reply.answer.key] += 1
            verdicts.update(read_verdict(text)[0] for texts in step["value_outputs_list"] for text in texts)
    assert answers == {"42": 5, "210": 5, "450": 5, "1": 5}
    assert verdicts == {Verdict.CORRECT: 83, Verdict.WRONG: 15, Verdict.UNCERTAIN: 2}


@needs_data
def test_misspelt_choices_are_recognised_behind_their_letter() -> None:
    example = next(e for split in load("csqa").splits for e in split if "skyscaper" in e.choices.values())
    answer = Choice().read("(c) skyscraper", example.choices)
    assert answer is not None and answer.text == "skyscaper"


def test_a_data_dir_without_the_files_says_what_is_looked_for(tmp_path: Path) -> None:
    for name in task_names():
        with pytest.raises(DataError, match=r"contains none of these files: .*\.jsonl"):
            load_task(TaskConfig(name=name, data_dir=tmp_path))
    with pytest.raises(DataError, match="is not a folder"):
        load_task(TaskConfig(name="svamp", data_dir=tmp_path / "nowhere"))
