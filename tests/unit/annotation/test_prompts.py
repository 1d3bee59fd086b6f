"""Every prompt set teaches by examples that our own parser reads, whose sums are right and whose verdicts hold."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from mindsmirror.annotation import prompts as module
from mindsmirror.annotation.prompts import BUILT_IN, JudgedShot, Prompt, PromptSet, Shot, load_prompts, prompts_for
from mindsmirror.answers import ENTAILMENT, Answer, Equation, Label, Number, kind_named, read_reply, read_verdict
from mindsmirror.engines.base import Message, Subject
from mindsmirror.errors import RecipeError
from mindsmirror.records import DualKind, Example, Parse, Purpose, Verdict
from mindsmirror.runs.shipped import RECIPES
from mindsmirror.tasks.shown import NLI_QUESTION, premise_and_hypothesis, with_choices

FOLDER = Path(module.__file__).parent
PROMPTS = RECIPES / "prompts"
LEGS = PROMPTS / "leg_counting.toml"
KINDS = {name: ENTAILMENT if name == "label" else kind_named(name) for name in BUILT_IN}
SETS = [*BUILT_IN, *(pytest.param(str(path), id=path.name) for path in sorted(PROMPTS.glob("*.toml")))]
QUESTION = Example(id="q", text="What is 3 + 5?")

SUM = re.compile(r"(?<![\w.])((?:\d+ [-+*/] )+\d+) = (\d+)(?![\w]|\.\d)")
CHOICES = re.compile(r"^\(([a-z])\) (.+)$", re.M)


def kind_of(source: str) -> Any:
    return KINDS.get(source, Number())


def answer_of(source: str, question: str, rationale: str) -> Answer:
    choices = dict(CHOICES.findall(question))
    reply = read_reply(rationale, lambda raw: kind_of(source).read(raw, choices))
    assert reply.parse is Parse.OK and reply.answer and reply.reasoning, rationale
    return reply.answer


def test_there_is_a_set_for_every_kind_of_answer() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(BUILT_IN)
    for name in BUILT_IN:
        assert load_prompts(name) == load_prompts(str(FOLDER / f"{name}.toml")) == prompts_for(KINDS[name])


def test_labels_of_the_tasks_own_are_named() -> None:
    own = prompts_for(Label("label", ("sports", "business")))
    assert "sports, business" in own.system and "entailment" not in own.model_dump_json()
    assert own.hash != load_prompts("text").hash


@pytest.mark.parametrize("source", SETS)
def test_solved_examples_end_as_the_system_text_demands(source: str) -> None:
    found = load_prompts(source)
    assert len(found.solved) >= 2
    for shot in found.solved:
        answer = answer_of(source, shot.question, shot.rationale)
        stated = re.search(r"The answer is (.+)\.$", shot.rationale)
        assert stated and found.system.count("The answer is") >= 1
        assert answer == kind_of(source).read(stated[1], dict(CHOICES.findall(shot.question)))
        assert shot.critique.endswith(".") and "\n" not in shot.critique


@pytest.mark.parametrize("source", SETS)
def test_judged_examples_deserve_their_verdict(source: str) -> None:
    shots = load_prompts(source).judged
    assert {Verdict.CORRECT, Verdict.WRONG} <= {shot.verdict for shot in shots}
    for shot in shots:
        reached = answer_of(source, shot.question, shot.rationale)
        right = kind_of(source).read(shot.answer, dict(CHOICES.findall(shot.question)))
        assert right is not None
        assert (reached.key == right.key) == (shot.verdict is Verdict.CORRECT)


@pytest.mark.parametrize("source", SETS)
def test_the_arithmetic_of_the_examples_is_right(source: str) -> None:
    found = load_prompts(source)
    shots: list[Shot] = [*found.solved, *found.judged]
    texts = [shot.rationale + " " + shot.critique for shot in shots]
    # A corrupted rationale goes wrong in what it reckons, not in how.
    texts += [text for dual in found.dual for text in (dual.right, dual.wrong)]
    sums = [match for text in texts for match in SUM.findall(text)]
    for left, right in sums:
        value, stated = Equation().read(left, {}), Equation().read(right, {})
        assert value and stated and value.key == stated.key, f"{left} = {right}"
    assert len(sums) >= (7 if source in ("number", str(LEGS)) else 0)


ANIMALS = {"cat": 4, "snake": 0, "ant": 6, "duck": 2, "bird": 2, "lizard": 4, "dog": 4, "goose": 2}


def test_legs_are_counted_right() -> None:
    found = load_prompts(str(LEGS))
    shots: list[Shot] = [*found.solved, *found.judged]
    said = [
        (s.question, s.answer if isinstance(s, JudgedShot) else answer_of(str(LEGS), s.question, s.rationale).key)
        for s in shots
    ]
    for question, right in [*said, *((dual.question, dual.answer) for dual in found.dual)]:
        animals = re.findall(r"(\d+) ([a-z]+?)s?(?=,|\?)", question)
        assert len(animals) == 2
        assert int(right) == sum(int(count) * ANIMALS[name] for count, name in animals)


def test_the_examples_look_like_the_questions_of_the_tasks() -> None:
    choice, label, legs = load_prompts("choice"), load_prompts("label"), load_prompts(str(LEGS))
    for shot in (*choice.solved, *choice.judged):
        assert shot.question == with_choices(shot.question.split("\n")[0], dict(CHOICES.findall(shot.question)))
    for shot in (*label.solved, *label.judged):
        premise, hypothesis, _ = shot.question.split("\n")
        shown = premise_and_hypothesis(premise.removeprefix("Premise: "), hypothesis.removeprefix("Hypothesis: "))
        assert shot.question == shown and shown.endswith(NLI_QUESTION)
    for shot in (*legs.solved, *legs.judged):
        assert shot.question.startswith("Your task is to count how many legs there are in total when given a list of")
        assert re.search(r"\n\nNow, how many legs are there in total if you have \d \w+, \d \w+\?$", shot.question)


def asked(source: PromptSet, example: Example, rationale: str) -> Mapping[str, Prompt]:
    critiques = {v.value: source.critique(example, rationale, v, "8") for v in module.CRITIQUE}
    duals = {kind.value: source.opposite(example, rationale, kind, "8") for kind in DualKind}
    return {
        "rationale": source.rationale(example),
        "self-evaluation": source.self_evaluation(example, rationale),
        **critiques,
        **duals,
    }


@pytest.mark.parametrize("source", SETS)
def test_prompts_of_a_kind_share_their_first_messages(source: str) -> None:
    found = load_prompts(source)
    one = asked(found, QUESTION, "3 + 5 = 8. The answer is 8.")
    two = asked(found, Example(id="r", text="Another?"), "No idea.")
    for kind, (messages, shared, _) in one.items():
        other, other_shared, _ = two[kind]
        assert 0 < shared == other_shared < len(messages)
        assert messages[:shared] == other[:shared] and messages[shared] != other[shared]
        assert messages[0].role == "system" and messages[-1].role == "user"
        # Chat templates refuse conversations in which user and assistant do not alternate.
        assert [m.role for m in messages[1:]] == ["user", "assistant"] * ((len(messages) - 1) // 2) + ["user"]
        assert all(m.content == m.content.strip() and m.content for m in messages)


def test_a_reminder_stands_below_every_question_and_nowhere_else() -> None:
    plain = load_prompts("equation")
    reminded = plain.model_copy(update={"reminder": "End with the answer."})
    questions = {QUESTION.text, *(shot.question for shot in plain.solved)}
    pairs = zip(plain.rationale(QUESTION).messages, reminded.rationale(QUESTION).messages, strict=True)
    for (_, before), (_, after) in pairs:
        assert after == (f"{before}\n\nEnd with the answer." if before in questions else before)
    assert reminded.self_evaluation(QUESTION, "8.") == plain.self_evaluation(QUESTION, "8.")
    critique = reminded.critique(QUESTION, "8.", Verdict.CORRECT, "8")
    assert critique.messages[:-2] == reminded.rationale(QUESTION).messages, "a cache goes on from there"
    assert reminded.hash != plain.hash and plain.reminder == ""


@pytest.mark.parametrize("source", SETS)
def test_a_reminder_asks_for_what_the_system_text_demands(source: str) -> None:
    reminder = load_prompts(source).reminder
    named = re.findall(r'"The answer is (\w+)\."', reminder)
    assert not reminder or "The answer is" in reminder
    if isinstance(kind := kind_of(source), Label):
        assert set(named) == (set(kind.labels) if reminder else set())


def test_a_critique_continues_the_rationales_conversation() -> None:
    found, text = load_prompts("number"), "3 + 5 = 9. The answer is 9."
    rationale = found.rationale(QUESTION)
    assert rationale.subject == Subject(Purpose.RATIONALE, QUESTION.text)
    for verdict, words in ((Verdict.CORRECT, "is correct"), (Verdict.UNCERTAIN, "uncertain"), (Verdict.WRONG, "8")):
        messages, shared, subject = found.critique(QUESTION, text, verdict, "8")
        assert messages[: len(rationale.messages)] == rationale.messages and shared == rationale.shared
        assert messages[-2] == Message("assistant", text) and words in messages[-1].content
        assert subject == Subject(Purpose.SELF_EVALUATION, QUESTION.text, text, verdict, "8")
    assert "{" not in found.critique(QUESTION, text, Verdict.WRONG, "{8} and {answer}").messages[-1].content[:38]
    assert "{8} and {answer}" in found.critique(QUESTION, text, Verdict.WRONG, "{8} and {answer}").messages[-1].content


def test_a_dual_is_asked_for_with_the_answer_after_examples_of_its_kind() -> None:
    found, text = load_prompts("number"), "3 + 5 = 9. The answer is 9."
    for kind, says, shown, replied in (
        (DualKind.RECTIFIED, "is wrong: the right answer is 8.", "wrong", "right"),
        (DualKind.CORRUPTED, "is right: the answer is 8.", "right", "wrong"),
    ):
        messages, shared, subject = found.opposite(QUESTION, text, kind, "8")
        assert subject == Subject(Purpose(kind), QUESTION.text, text, answer="8")
        assert shared == 1 + 2 * len(found.dual) and messages[0].content == found.system.strip()
        assert QUESTION.text in messages[-1].content and text in messages[-1].content and says in messages[-1].content
        for shot, asked, reply in zip(found.dual, messages[1::2], messages[2::2], strict=False):
            assert getattr(shot, shown) in asked.content and says.replace("8", shot.answer) in asked.content
            assert reply == Message("assistant", getattr(shot, replied))
    bare = found.model_copy(update={"dual": ()})
    assert [m.role for m in bare.opposite(QUESTION, text, DualKind.RECTIFIED, "8").messages] == ["system", "user"]


def test_a_self_evaluation_shows_question_and_solution_and_asks_for_a_line_that_we_read() -> None:
    found = load_prompts("number")
    messages, _, subject = found.self_evaluation(QUESTION, "3 + 5 = 9. The answer is 9.")
    assert QUESTION.text in messages[-1].content and "3 + 5 = 9." in messages[-1].content
    assert subject == Subject(Purpose.SELF_EVALUATION, QUESTION.text, "3 + 5 = 9. The answer is 9.")
    for shot, message in zip(found.judged, messages[2::2], strict=True):
        assert read_verdict(message.content) == (shot.verdict, shot.critique)


def tables(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [document, *document["solved"], *document["judged"]]


def variants(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The set with one thing changed: any of its texts, its version, the order or number of its shots."""
    for number, table in enumerate(tables(document)):
        for key, value in table.items():
            if key == "dual":
                continue
            changed = deepcopy(document)
            if key == "verdict":
                tables(changed)[number][key] = "uncertain"
            elif isinstance(value, str):
                tables(changed)[number][key] = value.replace(" ", "  ", 1) + "."
            elif isinstance(value, list):
                tables(changed)[number][key] = value[::-1]
            else:
                tables(changed)[number][key] = value + 1
            yield changed
    for key in ("solved", "judged"):
        yield {**document, key: document[key][:-1]}


def test_the_hash_changes_with_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    document = tomllib.loads((FOLDER / "number.toml").read_text(encoding="utf-8"))
    whole = PromptSet.model_validate(document)
    hashes = [whole.hash, *(PromptSet.model_validate(variant).hash for variant in variants(document))]
    assert len(hashes) == 1 + 5 + 2 * 3 + 2 * 5 + 2
    for name in ("JUDGE", "RESULT", "JUDGE_SYSTEM"):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, getattr(module, name) + "x")
            hashes.append(whole.hash)
    for verdict, text in module.CRITIQUE.items():
        with monkeypatch.context() as patch:
            patch.setitem(module.CRITIQUE, verdict, text + "x")
            hashes.append(whole.hash)
    with monkeypatch.context() as patch:
        patch.setattr(module, "shown_solution", lambda question, rationale: f"{question} {rationale}")
        hashes.append(whole.hash)
    assert len(set(hashes)) == len(hashes)
    assert whole.hash == hashes[0] == load_prompts("number").hash


def test_prompts_that_know_the_answer_have_a_hash_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is changed in them changes it, and leaves the other, on which annotations without them rest."""
    document = tomllib.loads((FOLDER / "number.toml").read_text(encoding="utf-8"))
    whole = PromptSet.model_validate(document)
    changed = [{**document, "dual": document["dual"][:-1]}, {**document, "dual": document["dual"][::-1]}]
    for number, shot in enumerate(document["dual"]):
        for key, text in shot.items():
            changed.append(deepcopy(document))
            changed[-1]["dual"][number][key] = text + "."
    sets = [PromptSet.model_validate(each) for each in changed]
    assert {each.hash for each in sets} == {whole.hash}
    hashes = [whole.dual_hash, *(each.dual_hash for each in sets)]
    hashes += [
        PromptSet.model_validate({**document, key: new}).dual_hash for key, new in (("system", "S"), ("version", 9))
    ]
    for kind, text in module.DUAL.items():
        with monkeypatch.context() as patch:
            patch.setitem(module.DUAL, kind, text + "x")
            hashes.append(whole.dual_hash)
            assert whole.hash == sets[0].hash
    assert len(set(hashes)) == len(hashes) == 1 + 2 + 2 * 4 + 2 + 2


@pytest.mark.parametrize("source", SETS)
def test_dual_examples_end_as_they_should_and_are_alike(source: str) -> None:
    shots = load_prompts(source).dual
    assert len(shots) >= 2
    for shot in shots:
        right = kind_of(source).read(shot.answer, dict(CHOICES.findall(shot.question)))
        assert right is not None
        assert answer_of(source, shot.question, shot.right).key == right.key
        assert answer_of(source, shot.question, shot.wrong).key != right.key
        assert SequenceMatcher(None, shot.right.split(), shot.wrong.split()).ratio() > 0.4


GOOD = (FOLDER / "number.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD.replace("rationale =", "rational =", 1), r"solved\.0\.rational: there is no such key"),
        (GOOD.replace("[[judged]]", "[[judge]]"), "judge: there is no such key"),
        (GOOD.replace("version = 1", ""), "version: is missing"),
        (GOOD.replace('verdict = "wrong"', 'verdict = "bad"'), r"judged\.0\.verdict: .*'correct'"),
        (GOOD.split("[[judged]]")[0], "judged: is missing"),
        (GOOD.replace('answer = "45"', "answer = 45"), r"judged\.0\.answer: must be a text in quotes, not 45"),
        ("version = 1\nsolved = ]", r"is not TOML: .*line 2"),
        ("", "version: is missing"),
        (None, "cannot read"),
    ],
)
def test_a_broken_set_is_one_error_that_names_file_and_key(tmp_path: Path, text: str | None, named: str) -> None:
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=named) as caught:
        load_prompts(str(path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_file_and_no_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"'nubmer'.*choice, equation, label, number, text, yes_no"):
        load_prompts("nubmer")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes(b'version = 1\nsystem = "\xe4"')
    for name in ("folder.toml", "latin.toml"):
        with pytest.raises(RecipeError, match=f"cannot read .*{name}"):
            load_prompts(str(tmp_path / name))
