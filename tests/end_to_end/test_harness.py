"""`export --to lm-eval`: the harness itself scores a trained student as the run did, item by item."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_t5
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror as command

import mindsmirror
from mindsmirror.errors import UnknownNameError


def scored(folder: Path, student: Path, names: list[str], *, chat: bool) -> dict[str, list[dict[str, Any]]]:
    """What lm-evaluation-harness says of each item of the tasks in a folder."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    found = lm_eval.simple_evaluate(
        model="hf",
        model_args={"pretrained": str(student), "dtype": "float32", "device": "cpu"},
        tasks=names,
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        apply_chat_template=chat,
        batch_size=1,
        bootstrap_iters=0,
        log_samples=True,
        verbosity="ERROR",
    )
    samples: dict[str, list[dict[str, Any]]] = found["samples"]
    return samples


def test_the_harness_agrees_item_by_item(finished: Finished, tmp_path: Path) -> None:
    ended = command("export", finished.run, "--to", "lm-eval", "--out", "task", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    names = json.loads(ended.out)["tasks"]
    assert names == ["tiny_predict", "tiny_think"]
    found = scored(tmp_path / "task", finished.run / "arms/mirror/model", names, chat=True)
    right = []
    for name in names:
        ours = {row.id: row for row in mindsmirror.open_run(finished.run).predictions("mirror", name.partition("_")[2])}
        theirs = {item["doc"]["id"]: item for item in found[name]}
        assert set(theirs) == set(ours) and len(ours) == material.TEST
        for key, item in theirs.items():
            assert item["resps"][0][0] == ours[key].text, name
            assert (item["acc"], item["answered"]) == (
                float(bool(ours[key].right)),
                float(ours[key].answer is not None),
            )
        right += [item["acc"] for item in theirs.values()]
    assert 0 < sum(right) < len(right), "a student that is always or never right would show nothing"


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_student_without_a_chat_template_is_asked_as_it_reads(kind: str, finished: Finished, tmp_path: Path) -> None:
    copied = finished.copy(tmp_path)
    student = copied.run / "arms/mirror/model"
    if kind == "llama":
        (student / "chat_template.jinja").unlink()
    else:
        shutil.rmtree(student)
        tiny_t5.write(student)
    names = mindsmirror.export_lm_eval(copied.run, tmp_path / "task")
    assert "--apply_chat_template" not in (tmp_path / "task/README.md").read_text(encoding="utf-8")
    loaded = mindsmirror.load(copied.run)
    for name, items in scored(tmp_path / "task", student, names, chat=False).items():
        asked = [{"question": item["doc"]["question"], "mode": name.partition("_")[2]} for item in items]
        replies = loaded.ask_many(asked)
        assert [item["acc"] for item in items] == [
            float(reply.answer == item["doc"]["gold"]) for reply, item in zip(replies, items, strict=True)
        ]
        if name == "tiny_think":
            assert [item["resps"][0][0] for item in items] == [reply.text for reply in replies]


def test_what_is_for_students_or_annotations_is_refused(finished: Finished, tmp_path: Path) -> None:
    ended = command("export", finished.run, "--to", "lm-eval", "--weights", "fp16", cwd=tmp_path)
    assert ended.code == 2 and "--weights is for students" in ended.err
    ended = command("export", finished.run, "--to", "lm-eval", "--arm", "miror", cwd=tmp_path)
    assert ended.code == UnknownNameError.exit_code and "Did you mean 'mirror'?" in ended.err


def test_an_arm_without_rationales_has_one_task(finished: Finished, tmp_path: Path) -> None:
    assert mindsmirror.export_lm_eval(finished.run, tmp_path / "labels", "labels") == ["tiny_predict"]
    assert not (tmp_path / "labels" / "tiny_think.yaml").exists()
