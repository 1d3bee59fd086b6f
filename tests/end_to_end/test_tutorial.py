"""The tutorial's commands, typed one after the other: from the example's table to a served student.

A scripted teacher and a tiny student take the place of those that the recipe names; all else is as the page has it.
"""

import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path

import httpx2
from end_to_end.console import mindsmirror as command
from served import serving

import mindsmirror
from docs import ROOT, blocks, commands

PAGE = ROOT / "docs" / "tutorial.md"
RECIPE_VERBS = ("doctor", "run")


def replaced(student: Path) -> list[str]:
    """What makes the recipe that `init` writes small enough for a test."""
    keys = {
        "teacher.0.engine": "scripted",
        "teacher.0.model": "teacher",
        "student.model": student,
        "training.budget": "{ steps = 2 }",
        "evaluation.samples": 2,
        "evaluation.max_tokens": 30,
    }
    return [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]


def asked_by_curl(run: Path, words: Sequence[str]) -> str:
    """The content of the reply to a command of curl, if the run's student were served."""
    _, url, _, header, _, body = words
    with serving(mindsmirror.load(run)) as address:
        url = url.replace("http://127.0.0.1:8000", address)
        reply = httpx2.post(url, content=body, headers=dict([header.split(": ")]), timeout=60)
    content: str = reply.raise_for_status().json()["choices"][0]["message"]["content"]
    return content


def test_the_tutorial_ends_with_a_served_student(tmp_path: Path, llama: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    verbs = []
    for block in blocks("sh", PAGE):
        for words in commands(block.text):
            program, verb, *arguments = words
            if program not in ("mindsmirror", "curl"):
                # The installation is what the gate does.
                continue
            if program == "curl":
                verbs.append((program, asked_by_curl(tmp_path / "runs/tickets", words)))
            if verb == "serve" or program == "curl":
                continue
            more = replaced(llama) if verb in RECIPE_VERBS else []
            ended = command(verb, *arguments, *more, cwd=tmp_path)
            assert ended.code == 0, (verb, ended.out, ended.err)
            verbs.append((verb, ended.out))
    assert [verb for verb, _ in verbs] == ["init", "doctor", "run", "browse", "ask", "ask", "curl"]
    shown = next(block.text for block in blocks("", PAGE) if block.text.startswith("columns: "))
    assert verbs[0][1] == shown, "the page shows what init prints"
    assert "answer: " in verbs[4][1] and len(verbs[5][1].splitlines()) == 3 and verbs[6][1]
    assert (tmp_path / "runs/tickets/report.html").exists() and (tmp_path / "runs/tickets/annotations.html").exists()


def test_a_table_of_numbers_runs_with_what_init_guesses(tmp_path: Path, llama: Path) -> None:
    rows = [f'"Ann has {3 + n % 5} pens and Bo has {50 + 7 * n}. How many has Ann?",{3 + n % 5}' for n in range(40)]
    (tmp_path / "my pens.csv").write_text("\n".join(["text,count", *rows]) + "\n")
    ended = command("init", "my pens.csv", "--out", "new/pens.toml", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "kind of answer: number (guessed" in ended.out and "instruction: none" in ended.out
    written = tomllib.loads((tmp_path / "new/pens.toml").read_text())
    assert written["task"] == {"name": "../my pens.csv", "columns": {"question": "text", "answer": "count"}}
    ended = command("run", "new/pens.toml", *replaced(llama), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "runs/my-pens/report.json").exists()
