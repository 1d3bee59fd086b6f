"""A recipe for a file of one's own: what was found in the file, what was guessed, and the commented TOML.

The recipe is complete, with the catalogue's default teacher and student. What was guessed is said in a comment.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from mindsmirror.answers import Label
from mindsmirror.answers.number import looks_numeric
from mindsmirror.errors import RecipeError, UnknownNameError
from mindsmirror.evaluation.config import FEWEST_QUESTIONS
from mindsmirror.evaluation.sample_size import too_few_tests
from mindsmirror.models import catalogue
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.system.documents import parse_toml
from mindsmirror.system.files import storage_guard
from mindsmirror.system.terminal import quantity
from mindsmirror.tasks import Task, TaskConfig, load_task
from mindsmirror.tasks.inspect import Questions, Repeats, labels_of, questions_of, repeats_of
from mindsmirror.tasks.own_file import KINDS
from mindsmirror.tasks.tables import stem

SIZES = {"train": 200, "valid": 40, "test": 200}
"""Questions of each split that a first run takes of a large file."""
LARGE = 1000
"""Questions from which on the sizes of splits may be named and the shares of test and validation stay a tenth."""
MOST_OTHERS = 0.2
"""Share of answers that are no numbers up to which they are taken for mistakes."""
LONG = 3000
"""Characters of a question that may be more than the student reads."""
LONG_ANSWER = 60
"""Characters of a text that a student will hardly give word by word."""


class Models(NamedTuple):
    """Who teaches and who learns; absent ones are the catalogue's defaults."""

    teacher: str | None = None
    engine: str | None = None
    student: str | None = None


@dataclass(frozen=True)
class Draft:
    """What a recipe is written from."""

    data: Path
    columns: Mapping[str, str]
    instruction: str | None
    """As the user has it."""
    task: Task
    answer: str | None
    """The kind of answer that the recipe names: the user's, or one that loading a task does not guess."""
    answer_given: bool
    repeats: Repeats
    questions: Questions

    @property
    def guessed_instruction(self) -> str | None:
        """What can be asked of any question with these labels; None if questions name them, or have no labels."""
        labels = self.task.answers.labels if isinstance(self.task.answers, Label) else ()
        shown = self.task.splits.test[0].text.casefold()
        if len(labels) < 2 or all(label.casefold() in shown for label in labels):
            return None
        return f"Answer with one of: {', '.join(labels[:-1])} or {labels[-1]}."

    def told(self, instruction: str) -> "Draft":
        """The same with an instruction of the user's; one that is blank, or is the guess, is none."""
        own = instruction.strip()
        return replace(self, instruction=own if own and own != self.guessed_instruction else None)

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes that a first run takes, of the splits that are larger; none in a small file."""
        counts = self.task.splits._asdict()
        large = sum(map(len, counts.values())) >= LARGE
        return {name: size for name, size in SIZES.items() if large and len(counts[name]) > size}


def draft(data: Path, columns: Mapping[str, str], answer: str | None, instruction: str | None) -> Draft:
    """Read the whole file. DataError and RecipeError are those that the recipe would have."""
    if answer is not None and answer not in KINDS:
        raise UnknownNameError("kind of answer", answer, KINDS)
    task = load_task(TaskConfig(name=str(data), columns=dict(columns), answer=answer))
    kind = answer
    if answer is None and task.answers.name == "text" and labels_of(task):
        kind = "label"
        task = load_task(TaskConfig(name=str(data), columns=dict(columns), answer=kind))
    made = Draft(
        *(data, columns, None, task, kind, answer is not None),
        repeats=repeats_of(data, columns),
        questions=questions_of(task),
    )
    return made.told(instruction or "")


def _nearly_numbers(made: Draft) -> Iterator[str]:
    """That most answers are numbers, where they are read as texts for the sake of a few."""
    golds = [example.gold for _, example in made.task.splits.named() if example.gold is not None]
    others = [gold for gold in golds if not looks_numeric(gold)]
    if made.task.answers.name == "text" and not made.answer_given and len(others) <= MOST_OTHERS * len(golds):
        yield (
            f"{len(golds) - len(others)} of {len(golds)} answers are numbers, but {others[0]!r} is not, so all are "
            "compared as texts. Correct or remove such rows, or say --answer number."
        )


def findings(made: Draft) -> list[str]:
    """What the user should know before a run, each with what to do about it."""
    rows, repeated, contradicting, across = made.repeats
    found = [*_nearly_numbers(made)]
    if repeated:
        found.append(f"{repeated} of {rows} rows repeat an earlier question; a run leaves them out.")
    if contradicting:
        found.append(
            f"{quantity(contradicting, 'question')} with several answers, of which a run keeps one: correct them."
        )
    if across:
        found.append(f"{quantity(across, 'question')} in several splits: the test keeps them, training does not.")
    if made.questions.near:
        found.append(
            f"{made.questions.near} of {len(made.task.splits.test)} test questions differ from a training or "
            "validation question only in punctuation. Remove them, or scores will be too good."
        )
    if made.questions.unanswered:
        found.append(
            f"{quantity(made.questions.unanswered, 'training question')} without an answer: so all arms learn the "
            "teacher's most frequent answers, not yours."
        )
    if made.questions.longest > LONG:
        found.append(
            f"The longest question has {made.questions.longest:,} characters. The student reads student.max_source "
            "tokens; `mindsmirror doctor` counts what is cut."
        )
    found += _about_sizes(made)
    golds = {example.gold for _, example in made.task.splits.named() if example.gold is not None}
    longest = max(map(len, golds))
    if len(golds) == 1:
        found.append("All answers are the same, so there is nothing to learn. Name the right column, or add rows.")
    if made.task.answers.name == "text" and longest > LONG_ANSWER:
        found.append(
            f"Answers are texts of up to {longest:,} characters. Only the same words count as right, so long ones "
            "will hardly ever be."
        )
    return found


def _about_sizes(made: Draft) -> list[str]:
    found = []
    few = too_few_tests(TaskConfig(name=str(made.data)), made.task.splits.test)
    if few is not None:
        found.append(f"{few.found} {few.advice}")
    valid = len(made.task.splits.valid)
    if valid < FEWEST_QUESTIONS:
        found.append(
            f"{quantity(valid, 'validation question')}: with fewer than {FEWEST_QUESTIONS} no probability is fitted, "
            "so confidence is a share of votes."
        )
    return found


def recipe_text(made: Draft, out: Path, models: Models) -> str:
    """The recipe as TOML, checked by reading it. RecipeError if a name of a model or engine cannot be used."""
    teacher, student = models.teacher or _default("teacher"), models.student or _default("student")
    engine = models.engine or _engine(models.teacher)
    lines = [
        f"# Written by `mindsmirror init` from {_comment(made.data.name)}. It runs as it is; change what you like.",
        "# Lines that begin with # show what else could be said. The guide explains every key.",
        f"name = {_quoted(_run_name(made.data))}",
        "",
        *_task_table(made, out),
        "",
        '[[teacher]]  # an OpenAI-compatible server instead: engine = "openai", base_url = "http://…/v1"',
        f"model = {_quoted(teacher)}",
        f"engine = {_quoted(engine)}",
        "",
        "[annotation]",
        "rationales = 3        # for each question; more cost more and teach more",
        "self_evaluations = 1  # for each rationale",
        "",
        "[student]",
        f"model = {_quoted(student)}",
        "",
        "[training]",
        "budget = { epochs = 3 }  # passes over what an arm learns; or steps, tokens, target_tokens, flops",
        "",
        "[[arm]]  # the baseline: answers alone",
        'name = "labels"',
        'method = "standard"',
        "",
        "[[arm]]  # the whole method: `ask` uses the last arm, and the report compares it with the first",
        'name = "mirror"',
        'method = "minds_mirror"',
        '# labels = "teacher"  # the teacher\'s most frequent answer instead of yours; in every arm',
    ]
    text = "\n".join(lines) + "\n"
    make_recipe(parse_toml(text), out, out.parent)
    return text


def _task_table(made: Draft, out: Path) -> list[str]:
    lines = ["[task]", f"name = {_quoted(_from(out, made.data))}  # from the folder of this file"]
    if made.columns:
        named = ", ".join(f"{ours} = {_quoted(theirs)}" for ours, theirs in made.columns.items())
        lines.append(f"columns = {{ {named} }}")
    words = _comment(made.task.answer_words)
    if made.answer is None:
        lines.append(f'# answer = "{made.task.answers.name}"  # guessed: {words}')
    else:
        lines.append(f"answer = {_quoted(made.answer)}  # {'' if made.answer_given else 'guessed: '}{words}")
    lines.append("# What the task is, shown before every question, to teacher and student:")
    if made.instruction:
        lines.append(f"instruction = {_quoted(made.instruction)}")
    elif made.guessed_instruction:
        lines.append(f"instruction = {_quoted(made.guessed_instruction)}  # guessed: say it in your own words")
    else:
        lines.append('# instruction = "…"')
    counts = made.task.splits._asdict()
    lines += [f"{name} = {size}  # of {len(counts[name]):,}" for name, size in made.sizes.items()]
    return lines


def write_new(out: Path, text: str) -> None:
    """Write a file that is not there yet. RecipeError if it is: what somebody wrote is never replaced."""
    with storage_guard(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = out.open("x", encoding="utf-8", newline="\n")
        except FileExistsError as error:
            raise already_there(out) from error
        with file:
            file.write(text)


def already_there(out: Path) -> RecipeError:
    """The error for a recipe that would be replaced."""
    return RecipeError(f"{out} is there already and is not replaced. Name another file with --out, or remove it.")


def default_out(data: Path) -> Path:
    """The recipe's file where none is named: in the current folder, called like the data."""
    return Path(f"{_run_name(data)}.toml")


def _run_name(data: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem(data)).strip("-_.")[:60].rstrip("-_.") or "mine"


def _default(role: str) -> str:
    return next(entry.name for entry in catalogue.entries().values() if entry.role == f"default {role}")


def _engine(teacher: str | None) -> str:
    """The engine that runs the default teacher fastest of those that are installed; Transformers runs every other."""
    return "openvino" if teacher is None and find_spec("openvino_genai") is not None else "transformers"


def _from(out: Path, data: Path) -> str:
    """The path to the data as the recipe has it: from its own folder, so that both can be moved together."""
    try:
        return Path(os.path.relpath(data.resolve(), out.resolve().parent)).as_posix()
    except ValueError:
        return str(data.resolve())


def _quoted(text: str) -> str:
    """The text in quotes, as TOML has it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """The text on one line of a comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]
