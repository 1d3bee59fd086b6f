"""Each check on a recipe that is in order, and on one in which the thing that it looks for is wrong."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny_gguf
from end_to_end import material

from mindsmirror.doctor import CHECKS, case, disk, examine, judge, machine
from mindsmirror.doctor.case import Case
from mindsmirror.doctor.examine import LOOK, NEEDS, exit_code
from mindsmirror.doctor.finding import Finding, Status, failure
from mindsmirror.errors import BudgetError, DataError, ModelFileError, StorageError
from mindsmirror.models import catalogue
from mindsmirror.models.catalogue import CatalogueEntry, Hub, Wheels
from mindsmirror.reporting import verdict_section
from mindsmirror.runs.checks import to_fetch
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe, make_recipe
from mindsmirror.students.config import converted
from mindsmirror.system import hardware

OK, WARNING, FAILURE, SKIPPED = Status.OK, Status.WARNING, Status.FAILURE, Status.SKIPPED
SCRIPTED = {"model": "teacher", "engine": "scripted"}
REMOTE = {"model": "big", "engine": "openai", "base_url": "https://teacher.invalid/v1"}


class Practice:
    """A folder with data and a student, and recipes for them."""

    def __init__(self, folder: Path, student: Path) -> None:
        self.folder, self.student = folder, student
        self.rows = material.word_problems()

    def recipe(self, **tables: Any) -> Recipe:
        data = material.write_rows(self.folder / "words.jsonl", self.rows)
        recipe = {
            "name": "patient",
            "task": {"name": str(data)},
            "teacher": [SCRIPTED],
            "annotation": {"rationales": 3},
            "student": {"model": str(self.student)},
            "arm": [{"name": "labels", "method": "standard", "labels": "teacher"}],
        }
        return make_recipe(recipe | tables)

    def case(self, samples: int = 0, **tables: Any) -> Case:
        return Case(self.recipe(**tables), self.folder / "runs", samples)

    def look(self, check: str, samples: int = 0, **tables: Any) -> list[Finding]:
        return list(examine.examine(self.recipe(**tables), self.folder / "runs", only=[check], samples=samples))

    def annotated(self, **tables: Any) -> None:
        pipeline = Pipeline(self.recipe(**tables), self.folder / "runs")
        pipeline.annotate()


@pytest.fixture
def practice(tmp_path: Path, tiny_folder: Callable[..., Path]) -> Practice:
    return Practice(tmp_path, tiny_folder("llama"))


def statuses(findings: Iterable[Finding]) -> list[Status]:
    return [finding.status for finding in findings]


def test_every_check_has_its_name_and_its_place() -> None:
    assert list(LOOK) == list(CHECKS)
    order = list(CHECKS)
    for name, needs in NEEDS.items():
        assert all(order.index(need) < order.index(name) for need in needs)


def test_a_recipe_in_order_leaves_nothing_behind(practice: Practice) -> None:
    found = list(examine.examine(practice.recipe(), practice.folder / "runs"))
    assert [f.check for f in found if f.status in (WARNING, FAILURE)] == ["task", "judge"], [f.line for f in found]
    assert {f.check for f in found} == set(CHECKS) and exit_code(found) == 0
    assert not (practice.folder / "runs").exists(), "it only looks"


def test_only_and_skip(practice: Practice) -> None:
    recipe, runs = practice.recipe(), practice.folder / "runs"
    assert {f.check for f in examine.examine(recipe, runs, only=["task", "judge"])} == {"task", "judge"}
    assert {f.check for f in examine.examine(recipe, runs, skip=["task", "judge"])} == set(CHECKS) - {"task", "judge"}


def test_what_rests_on_a_failure_is_not_looked_at(practice: Practice) -> None:
    found = list(examine.examine(practice.recipe(task={"name": "nowhere.jsonl"}), practice.folder / "runs"))
    (first,) = [f for f in found if f.check == "task"]
    assert first.status is FAILURE and "nowhere.jsonl" in first.found
    assert {f.check for f in found if f.status is SKIPPED} == set(CHECKS) - {"task"}
    assert exit_code(found) == DataError.exit_code


def test_the_first_failure_gives_the_exit_code() -> None:
    found = [failure("disk", StorageError, "full"), failure("prices", BudgetError, "dear")]
    assert exit_code(found) == StorageError.exit_code and exit_code([]) == 0


def test_a_tiny_test_is_said_with_what_to_do(practice: Practice) -> None:
    _, few = practice.look("task")
    assert few.status is WARNING
    assert (
        few.found == "6 test questions: with 3 right, the 95 % interval is 19 to 81 %."
        and "field 'split'" in few.advice
    )
    practice.rows += [{**practice.rows[-1], "id": f"more{n}", "question": f"How many are {n}?"} for n in range(44)]
    assert statuses(practice.look("task")) == [OK]


def test_a_test_question_that_the_prompt_solves(practice: Practice) -> None:
    finding, _ = practice.look("task")
    assert finding.status is OK and finding.figures == {"train": 8, "valid": 2, "test": 6}
    shot = Pipeline(practice.recipe()).prompts.solved[0]
    practice.rows[-1]["question"] = shot.question.upper()
    _, _, repeats = practice.look("task")
    assert repeats.status is WARNING and repeats.figures == {"repeats": 1}
    assert "1 of 6 test questions are solved in the teacher's prompt, such as 'w15'" in repeats.found


def test_a_student_that_loads_and_reads_all(practice: Practice) -> None:
    practice.rows[3]["question"] += " Mind that Bo keeps his own."
    (finding,) = practice.look("student")
    assert finding.status is OK and "llama, 0.0 million parameters" in finding.found
    longest = finding.figures["longest"]
    config = {"model": str(practice.student), "max_source": longest - 1}
    _, cut = practice.look("student", student=config)
    assert cut.status is WARNING and f"up to {longest}" in cut.advice and cut.figures == {"cut": 1}


def test_a_student_that_is_no_model(practice: Practice) -> None:
    (practice.folder / "empty").mkdir()
    found = list(examine.examine(practice.recipe(student={"model": str(practice.folder / "empty")}), practice.folder))
    assert [f.check for f in found if f.status is FAILURE] == ["student"]
    assert exit_code(found) == ModelFileError.exit_code
    assert {f.check for f in found if f.status is SKIPPED} >= {"machine", "disk"}


def test_a_student_that_is_not_here_yet_is_not_fetched(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(practice.folder / "cache"))
    student = {"model": "smollm2-135m-instruct"}
    (finding,) = practice.look("student", student=student)
    assert finding.status is OK and "not on this machine yet" in finding.found
    assert not (practice.folder / "cache").exists()
    assert "98 MB" in finding.found
    fetched, room = practice.look("disk", student=student)
    assert fetched.status is OK and "smollm2-135m-instruct (98 MB)" in fetched.found
    assert fetched.figures == {"models": ["smollm2-135m-instruct"], "fetched": 98_362_432}
    assert room.figures["needed"] > 98_362_432, "what is fetched needs room, too"


def test_memory_that_does_not_suffice(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(practice.look("machine")) == [OK, OK]
    monkeypatch.setattr(hardware, "free_device_memory", lambda: 2**29)
    (_, finding) = practice.look("machine")
    assert finding.status is WARNING and "0.5 GiB are free" in finding.found and "lora" in finding.advice
    assert machine.memory_needed(10**9, "lora") < machine.memory_needed(10**9, "none") > 16 * 10**9


def test_the_room_for_the_store_is_about_what_it_takes(practice: Practice) -> None:
    looked = practice.case()
    guessed = disk.store_bytes(looked)
    practice.annotated()
    taken = (practice.folder / "runs" / "store.sqlite").stat().st_size
    assert taken / 2 < guessed < 4 * taken


@pytest.mark.parametrize(("free", "status"), [(10**15, OK), (1.5, WARNING), (0.5, FAILURE)])
def test_a_disk_that_is_full_or_nearly(
    free: float, status: Status, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    (usual,) = practice.look("disk")
    room = free if free > 10 else int(free * usual.figures["needed"])

    class Usage:
        def __init__(self, _: Path) -> None:
            self.free = room

    monkeypatch.setattr(shutil, "disk_usage", Usage)
    (finding,) = practice.look("disk")
    assert finding.status is status and finding.exit_code == (StorageError.exit_code if status is FAILURE else 0)


def test_prices_that_lack_or_are_nothing(practice: Practice) -> None:
    missing, *_ = practice.look("prices", teacher=[REMOTE])
    assert missing.status is WARNING and "teacher.0 (big) has no price" in missing.found
    zero, *_ = practice.look("prices", teacher=[REMOTE | {"price": {"input": 0.1}}])
    assert zero.status is WARNING and "price.output is 0" in zero.found
    assert statuses(practice.look("prices", teacher=[REMOTE | {"price": {"input": 0.1, "output": 0.2}}])) == [OK]
    assert statuses(practice.look("prices", teacher=[REMOTE | {"base_url": "http://127.0.0.1:1/v1"}])) == [OK]


def test_a_judge_of_another_price_is_looked_at_once(practice: Practice) -> None:
    other = REMOTE | {"model": "small"}
    found = practice.look("prices", teacher=[REMOTE, other, REMOTE], judge={"teacher": 1})
    assert [f.found.split()[0] for f in found if f.status is WARNING] == ["teacher.0", "teacher.1"]
    found = practice.look("prices", teacher=[REMOTE, other, REMOTE], judge={"teacher": 2})
    assert [f.found.split()[0] for f in found if f.status is WARNING] == ["teacher.0"]


def test_a_cap_that_one_rationale_may_pass(practice: Practice) -> None:
    priced = SCRIPTED | {"price": {"input": 1.0, "output": 4.0}}
    small = {"rationales": 3, "budget": {"usd": 0.0005, "tokens": 200}}
    usd, tokens, *_ = practice.look("prices", teacher=[priced], annotation=small)
    assert usd.status is tokens.status is WARNING
    assert "annotation.budget.usd = 0.0005 is less" in usd.found and "budget.tokens = 200 is less" in tokens.found
    large = {"rationales": 3, "budget": {"usd": 1.0, "tokens": 20_000}}
    assert statuses(practice.look("prices", teacher=[priced], annotation=large)) == [OK]


def test_the_estimate_rests_on_samples_that_are_allowed(practice: Practice) -> None:
    (before,) = practice.look("prices")
    assert "10 questions, at most 60 samples" in before.found and not (practice.folder / "runs").exists()
    (after,) = practice.look("prices", samples=4)
    assert after.status is OK and after.figures["complete"] == 4 and 0 < after.figures["asked"] <= 24
    assert "tokens read" in after.found and "minutes" in after.found
    (again,) = practice.look("prices")
    assert again.figures["asked"] == 0 and again.figures["complete"] == 4


def test_a_cap_that_the_rest_will_pass_or_that_is_reached(practice: Practice) -> None:
    (found,) = practice.look("prices", samples=4)
    paid = found.figures["paid_tokens"]
    low = found.figures["tokens_in"][0] + found.figures["tokens_out"][0]
    for cap, status in ((paid + int(low) + 1, OK), (paid + int(low) - 1, WARNING)):
        (passed,) = practice.look("prices", annotation={"rationales": 3, "budget": {"tokens": cap}})
        assert passed.status is status
    assert f"more than annotation.budget.tokens = {cap} leaves" in passed.found
    reached = practice.look("prices", annotation={"rationales": 3, "budget": {"tokens": 1000}})[-1]
    assert reached.status is FAILURE and reached.exit_code == BudgetError.exit_code
    assert "annotation.budget.tokens = 1000 used by all runs called 'patient'" in reached.found


PLAIN = {"strategy": "plain"}


def many(practice: Practice, count: int = 50) -> None:
    practice.rows = [material.word_problem(number, "train") for number in range(count)]
    practice.rows += [material.word_problem(number, "test") for number in range(count, count + 4)]


def test_a_judge_is_measured_on_a_hundred_rationales(practice: Practice) -> None:
    many(practice)
    (before,) = practice.look("judge", judge=PLAIN)
    assert before.status is WARNING and before.figures == {"rationales": 0} and "--samples 42 asks" in before.advice
    (few,) = practice.look("judge", samples=10, judge=PLAIN)
    assert few.status is WARNING and few.figures == {"rationales": 30}, "they were asked, and 70 still lack"
    (noise,) = practice.look("judge", samples=30, judge=PLAIN)
    # The scripted teacher judges by lot.
    assert noise.status is WARNING and noise.figures["rationales"] == 120
    assert (
        "the plain judge's verdicts are not shown to carry information" in noise.found
        and "take another judge" in noise.found
    )
    low, high = noise.figures["ci95"]
    assert low <= noise.figures["balanced_accuracy"] <= high and noise.figures["balanced_accuracy"] < 0.6


def test_the_threshold_and_the_words_are_the_reports(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    many(practice)
    monkeypatch.setattr(verdict_section, "INFORMATIVE", 0.0)
    monkeypatch.setattr(verdict_section, "CHANCE", 0.1)
    (finding,) = practice.look("judge", samples=40, judge=PLAIN)
    assert finding.status is OK and "the plain judge's verdicts carry information" in finding.found.lower()


def test_what_cannot_or_need_not_be_measured(practice: Practice) -> None:
    arm = {"name": "labels", "method": "standard", "labels": "gold"}
    assert statuses(practice.look("judge", judge={"strategy": "informed"}, arm=[arm])) == [OK]
    assert statuses(practice.look("judge", annotation={"self_evaluations": 0})) == [SKIPPED]
    practice.rows = [row | {"answer": None} if row["split"] == "train" else row for row in practice.rows]
    practice.rows = [row for row in practice.rows if row["split"] != "valid"]
    (finding,) = practice.look("judge")
    assert finding.status is WARNING and "No question has a gold answer" in finding.found


def test_annotations_that_are_there_already(practice: Practice) -> None:
    many(practice)
    practice.annotated(judge=PLAIN)
    made = practice.folder / "runs/patient/annotation/annotations.jsonl"
    tables: Mapping[str, Any] = {"teacher": [], "annotation": {"file": str(made)}}
    (finding,) = practice.look("judge", **tables)
    assert finding.figures["rationales"] > judge.ENOUGH and "the plain judge" in finding.found
    for check in ("endpoint", "prices", "fidelity"):
        assert statuses(practice.look(check, **tables)) == [SKIPPED]
    assert statuses(practice.look("disk", **tables)) == [OK]


def entry_of(path: Path) -> CatalogueEntry:
    """A catalogue's entry for a file."""
    return CatalogueEntry(
        name=path.stem,
        role="test",
        file=path.name,
        bytes=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence="none",
        hub=Hub(repo="some/tiny"),
        wheels=Wheels(name="tiny-model-part{n}", version="1.0", parts=1, member="tiny/p{n}.bin"),
    )


@pytest.mark.parametrize("content", [b"GGUF" + bytes(1000), b"GGUF" + b"\x03\0\0\0" + b"\xff" * 1000, b"no model"])
def test_a_student_that_cannot_be_converted_is_a_finding(
    content: bytes, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = practice.folder / "broken.gguf"
    path.write_bytes(content)
    monkeypatch.setattr(catalogue, "entries", lambda: {"broken": entry_of(path)})
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(practice.folder / "cache"))
    found = list(examine.examine(practice.recipe(student={"model": "broken", "path": str(path)}), practice.folder))
    (failed,) = [finding for finding in found if finding.status is FAILURE]
    assert failed.check == "student" and failed.exit_code == exit_code(found) == ModelFileError.exit_code
    assert "broken" in failed.found and "cannot be" in failed.found and "\n" not in failed.found
    assert {finding.check for finding in found} == set(CHECKS), "the other checks are made"


@pytest.mark.parametrize("settings", ["[]", '{"model_type": "llama", "num_attention_heads": 0}', '{"model_type": 7}'])
def test_a_student_on_which_a_library_stumbles_is_a_finding(settings: str, practice: Practice) -> None:
    """What it raises then is of any kind."""
    folder = practice.folder / "odd"
    shutil.copytree(practice.student, folder)
    (folder / "config.json").write_text(settings, encoding="utf-8")
    found = practice.look("student", student={"model": str(folder)})
    assert statuses(found) == [FAILURE] and found[0].exit_code == ModelFileError.exit_code
    assert str(folder) in found[0].found and "\n" not in found[0].found


def test_every_teacher_that_is_asked_is_looked_at(practice: Practice) -> None:
    """Two write rationales and their duals, a third one judges, a fourth is only named."""
    teachers = [REMOTE | {"model": model} for model in ("first", "second", "judge", "idle")]
    tables: dict[str, Any] = {
        "teacher": teachers,
        "annotation": {"rationales": 3, "teachers": [1, 0], "corrupted": 2, "rectified": 1},
        "judge": {"teacher": 2, "strategy": "plain"},
        "arm": [{"name": "labels", "method": "standard", "labels": "gold"}],
    }
    looked = practice.case(**tables)
    assert [number for number, _ in looked.asked()] == [0, 1, 2]
    prices = practice.look("prices", **tables)
    assert [f.found.split()[0] for f in prices if f.status is WARNING] == ["teacher.0", "teacher.1", "teacher.2"]
    # 10 questions, 2 writers, 3 rationales, each with one self-evaluation and at most 2 duals.
    assert f"10 questions, at most {10 * 2 * 3 * (1 + 1 + 2)} samples" in prices[-1].found
    (fidelity, *others) = practice.look("fidelity", **tables)
    assert [f.found.split(":")[0] for f in (fidelity, *others)] == ["first", "second", "judge"]
    unjudged = tables | {"annotation": tables["annotation"] | {"self_evaluations": 0}}
    assert [number for number, _ in practice.case(**unjudged).asked()] == [0, 1]


def test_the_store_grows_by_what_every_teacher_writes(practice: Practice) -> None:
    gold: dict[str, Any] = {"arm": [{"name": "labels", "method": "standard", "labels": "gold"}]}
    two: dict[str, Any] = {"teacher": [SCRIPTED, SCRIPTED | {"model": "other"}]}
    one = disk.store_bytes(practice.case(**gold))
    both = disk.store_bytes(practice.case(**gold, **two, annotation={"rationales": 3, "teachers": [0, 1]}))
    duals = disk.store_bytes(practice.case(**gold, annotation={"rationales": 3, "rectified": 1, "corrupted": 1}))
    assert both == 2 * one and one < duals < 2 * one


def test_a_cap_is_held_against_the_dearest_writer(practice: Practice) -> None:
    cheap = SCRIPTED | {"price": {"input": 0.001, "output": 0.001}}
    dear = SCRIPTED | {"model": "dear", "price": {"input": 10.0, "output": 40.0}}
    for writers, warned in (([0], False), ([0, 1], True)):
        budget = {"rationales": 3, "teachers": writers, "budget": {"usd": 0.001}}
        found = practice.look("prices", teacher=[cheap, dear], annotation=budget, judge={"teacher": 0})
        assert any("annotation.budget.usd = 0.001 is less" in finding.found for finding in found) is warned


def test_models_in_the_cache_are_not_fetched(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """The student was converted by an earlier run, the teacher's file was fetched."""
    cache = practice.folder / "cache"
    cache.mkdir()
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(cache))
    entries = {path.stem: entry_of(path) for path in (cache / "teacher.gguf", cache / "pupil.gguf") if _gguf(path)}
    monkeypatch.setattr(catalogue, "entries", lambda: entries)
    (cache / "pupil.gguf").unlink()
    teacher = {"model": "teacher", "engine": "llama_cpp"}
    tables: dict[str, Any] = {"teacher": [teacher], "student": {"model": "pupil"}}
    assert [entry.name for entry in to_fetch(practice.recipe(**tables))] == ["pupil"]
    shutil.copytree(practice.student, converted(entries["pupil"]))
    assert to_fetch(practice.recipe(**tables)) == []
    (student,) = practice.look("student", **tables)
    assert student.status is OK and "pupil loads: llama" in student.found
    assert statuses(practice.look("disk", **tables)) == [OK]
    (cache / "teacher.gguf").write_bytes(b"GGUF, damaged")
    assert [entry.name for entry in to_fetch(practice.recipe(**tables))] == ["teacher"]
    (compared,) = practice.look("fidelity", **tables)
    assert compared.status is SKIPPED and "teacher is not on this machine yet" in compared.found
    assert (cache / "teacher.gguf").read_bytes() == b"GGUF, damaged", "a check only looks"


def _gguf(path: Path) -> Path:
    return tiny_gguf.write(path, "F16" if path.stem == "teacher" else "Q8_0")


def test_long_data_is_measured_by_a_part_of_it(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case, "MEASURED", 3)
    size = practice.case().student
    assert size is not None and size.measured == 3
