"""Examples for the teacher out of a task's own questions: they are right, and a question never sees its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material

from mindsmirror.annotation.own_shots import CANDIDATES, candidates, chosen
from mindsmirror.annotation.prompts import OwnPrompts, load_prompts, prompts_for, without_examples
from mindsmirror.answers import ENTAILMENT, Label, kind_named
from mindsmirror.errors import RecipeError
from mindsmirror.records import Annotation, Example, Verdict
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.runs.shipped import RECIPES
from mindsmirror.tasks import load_task

LABELS = ("account", "billing", "bug")
WORDS = ("alphabet", "letter", "Monday", "river")


def rows(count: int = 60, gold: bool = True) -> list[dict[str, Any]]:
    made = [{"text": f"Ticket {n}: it does not work.", "category": LABELS[n % 3]} for n in range(count)]
    return made if gold else [row | {"category": None} if n % 4 else row for n, row in enumerate(made)]


def pipeline(folder: Path, made: list[dict[str, Any]] | None = None, name: str = "mine", **tables: Any) -> Pipeline:
    path = material.write_rows(folder / "tickets.jsonl", made or rows())
    document: dict[str, Any] = {
        "name": name,
        "task": {"name": str(path), "columns": {"question": "text", "answer": "category"}, "answer": "label"},
        "teacher": [{"model": "teacher", "engine": "scripted", "parameters": {"log": str(folder / "log")}}],
        "annotation": {"rationales": 2},
        "student": {"model": "smollm2-135m-instruct"},
        "arm": [{"name": "mirror", "method": "minds_mirror"}],
    }
    return Pipeline(make_recipe(document | tables), folder / "runs")


def kept(found: Pipeline) -> OwnPrompts:
    return OwnPrompts.model_validate(material.document(found.run.folder / "shots.json")["prompts"])


def test_they_are_right_and_of_the_training_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = pipeline(tmp_path)
    result = found.annotate()
    shown = kept(found)
    said = capsys.readouterr().err
    assert "the teacher is shown 3 of your training questions with its own right solutions and one wrong" in said
    gold = {example.text: example.gold for example in found.task.splits.train}
    assert len({shot.question for shot in shown.solved}) == 3
    assert shown.solved[0].critique, "the first one's is shown"
    for shot in shown.solved:
        assert shot.rationale.endswith(f"The answer is {gold[shot.question]}.")
    assert {gold[shot.question] for shot in shown.solved} == set(LABELS), "one of each label comes first"
    verdicts = {shot.verdict: shot for shot in shown.judged}
    assert set(verdicts) == {Verdict.WRONG, Verdict.CORRECT}
    for verdict, judged in verdicts.items():
        right = judged.rationale.endswith(f"The answer is {gold[judged.question]}.")
        assert right == (verdict is Verdict.CORRECT) and judged.answer == gold[judged.question]
    annotations = list(found.annotations())
    assert result.questions == len(annotations) == found.task.splits.annotated_count
    assert {annotation.provenance.prompt for annotation in annotations} == {shown.hash}
    assert {annotation.example.text for annotation in annotations} >= {shot.question for shot in shown.solved}
    assert all(evaluation.source == "informed" for a in annotations for evaluation in a.evaluations)


def test_no_other_task_is_seen_and_nobody_sees_the_own_solution(tmp_path: Path) -> None:
    found = pipeline(tmp_path)
    found.annotate()
    shown = kept(found)
    for example in found.task.splits.train:
        asked = shown.critique(example, "R. The answer is bug.", Verdict.CORRECT, "bug"), shown.rationale(example)
        for prompt in (*asked, shown.self_evaluation(example, "R")):
            text = "\n".join(message.content for message in prompt.messages)
            assert not any(word in text for word in WORDS)
            assert text.count(example.text) == 1 and 0 < prompt.shared < len(prompt.messages)
            assert [m.role for m in prompt.messages[1:-1:2]] == ["user"] * ((len(prompt.messages) - 1) // 2)


def test_nothing_is_asked_twice_and_more_rows_keep_them(tmp_path: Path) -> None:
    found = pipeline(tmp_path)
    found.annotate()
    before, asked = kept(found), material.served(tmp_path / "log")
    assert len(asked) == len(set(asked)) == len(material.stored(tmp_path / "runs/store.sqlite"))
    assert pipeline(tmp_path, annotation={"rationales": 3}).annotate().asked > 0
    assert kept(found) == before
    again = pipeline(tmp_path, rows(90))
    result = again.annotate()
    assert kept(again) == before and result.found > 100
    served = material.served(tmp_path / "log")
    assert len(served) == len(set(served))
    other = pipeline(tmp_path, name="other")
    other.annotate()
    assert kept(other) == before and material.served(tmp_path / "log") == served, "the store has them"


def test_an_estimate_makes_them_and_keeps_no_run(tmp_path: Path) -> None:
    found = pipeline(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path)
        assert found.estimate(0).stored == 0
        assert found.estimate(2).complete == 2
    assert not found.run.folder.exists()
    served = material.served(tmp_path / "log")
    found.annotate()
    assert len(set(material.served(tmp_path / "log"))) == len(material.served(tmp_path / "log")) > len(served)


def test_a_cap_that_stops_them_is_said_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    result = pipeline(tmp_path, annotation={"rationales": 2, "budget": {"tokens": 400}}).annotate()
    assert "annotation.budget.tokens = 400" in result.stopped
    assert not (tmp_path / "runs/mine/shots.json").exists()
    found = pipeline(tmp_path)
    assert found.annotate().stopped == "" and len(kept(found).solved) == 3
    served = material.served(tmp_path / "log")
    assert len(served) == len(set(served))


def test_which_tasks_get_them(tmp_path: Path) -> None:
    def shots(made: list[dict[str, Any]] | None = None, **tables: Any) -> tuple[int, int]:
        step = pipeline(tmp_path, made, **tables).annotation_step
        return step.shots, len(step.prompts.solved)

    assert shots() == (3, 0)
    assert shots(annotation={"shots": 5}) == (5, 0)
    assert shots(annotation={"shots": 0}) == (0, 0), "labels of one's own have no built-in examples"
    split = {"split": "train", "category": None}
    unknown = [row | (split if n > 20 else {"split": "test"}) for n, row in enumerate(rows())]
    arm = [{"name": "labels", "method": "standard", "labels": "teacher"}]
    assert shots(unknown, arm=arm) == (0, 0)
    with pytest.raises(RecipeError, match=r"annotation\.shots: no training question has a gold answer"):
        shots(unknown, arm=arm, annotation={"shots": 3})
    legs = str(RECIPES / "prompts" / "leg_counting.toml")
    assert shots(annotation={"prompts": legs})[0] == 0
    with pytest.raises(RecipeError, match=r"annotation\.shots: annotation\.prompts has its own"):
        shots(annotation={"prompts": legs, "shots": 1})
    numbers = [{"text": f"How many are {n} and 1?", "category": n + 1} for n in range(60)]
    task = {"name": str(tmp_path / "tickets.jsonl"), "columns": {"question": "text", "answer": "category"}}
    assert shots(numbers, task=task) == (0, len(load_prompts("number").solved))
    assert shots(numbers, task=task, annotation={"shots": 2}) == (2, 0)


def test_candidates_take_each_label_in_turn(tmp_path: Path) -> None:
    task = pipeline(tmp_path).task
    found = candidates(task, 3)
    assert len(found) == 3 * CANDIDATES == len({example.id for example in found})
    assert [{example.gold for example in found[place : place + 3]} for place in (0, 3, 6)] == [set(LABELS)] * 3
    more = load_task(tmp_path / "tickets.jsonl", columns={"question": "text", "answer": "category"}, answer="label")
    assert candidates(more, 3) == found


def test_a_label_that_is_never_reached_gets_a_mended_solution(tmp_path: Path) -> None:
    found = pipeline(tmp_path)
    found.annotate()
    step = found.annotation_step
    made = candidates(step.task, 3)
    annotations = []
    for example in made:
        right = example.gold == "bug"
        text = f"Ticket says so. The answer is {example.gold if right else 'bug'}."
        rationale = {"teacher": "t", "sample": 0, "text": text, "reasoning": "It says so.", "answer": "bug"}
        evaluation = {"teacher": "t", "rationale": 0, "sample": 0, "source": "informed"}
        dual = rationale | {"kind": "rectified", "of": 0, "answer": example.gold, "parse": "ok", "right": True}
        document = json.loads(_unanswered(example).model_dump_json()) | {
            "rationales": [rationale | {"parse": "ok", "right": right}],
            "evaluations": [
                evaluation | {"verdict": "correct" if right else "wrong", "critique": "It fits. The answer is bug."}
            ],
            "duals": [] if right else [dual],
        }
        annotations.append(Annotation.model_validate_json(json.dumps(document)))
    shown = chosen(step.prompts, annotations, 3)
    assert shown is not None
    assert shown.solved[0].rationale == "It says so. The answer is bug."
    assert {shot.rationale.split()[-1] for shot in shown.solved} == {"bug.", "account.", "billing."}
    assert [shot.critique for shot in shown.solved] == ["It fits.", "", ""]
    assert next((shot.verdict, shot.critique) for shot in shown.judged) == (Verdict.WRONG, "It fits.")


def test_none_is_right() -> None:
    example = Example(id="q", text="x", gold="bug")
    assert chosen(load_prompts("text"), [_unanswered(example)], 3) is None


def _unanswered(example: Example) -> Annotation:
    provenance = {"teacher": "t", "judge": "t", "prompt": "p", "temperature": 1, "tokens_in": 0, "tokens_out": 0}
    document = {"example": example.model_dump(), "split": "train", "rationales": [], "evaluations": []}
    return Annotation.model_validate_json(json.dumps(document | {"provenance": provenance}))


def test_prompts_without_examples_say_the_form() -> None:
    own = without_examples(Label("label", LABELS))
    assert own == prompts_for(Label("label", LABELS))
    assert own.reminder.endswith("where L is one of: account, billing, bug.") and not own.solved
    for kind in (kind_named("number"), ENTAILMENT, kind_named("text")):
        bare, full = without_examples(kind), load_prompts(kind.name)
        assert (bare.system, bare.reminder) == (full.system, full.reminder) and bare.hash != full.hash
        prompt = bare.rationale(Example(id="q", text="Why?"))
        assert [message.role for message in prompt.messages] == ["system", "user"] and prompt.shared == 1


def test_a_solution_without_a_critique_is_not_shown_as_one_that_has_an_empty_one() -> None:
    """Where one solution was corrected and stands first, the critique is that of the next."""
    base = load_prompts("number")
    bare = base.solved[0].model_copy(update={"critique": ""})
    prompts = base.model_copy(update={"solved": (bare, *base.solved[1:])})
    messages = prompts.critique(Example(id="q", text="2 + 2?", gold="4"), "2 + 2 = 4.", Verdict.CORRECT, "4").messages
    assert all(message.content.strip() for message in messages)
    assert sum(message.content == base.solved[1].critique for message in messages) == 1
