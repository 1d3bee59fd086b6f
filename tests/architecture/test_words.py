"""Words that were given up stay given up: names of modules and classes that said too little."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import ROOT

SOURCE = ROOT / "src" / "mindsmirror"
MODULES = {
    "annotated": "annotation_section",
    "annotating": "annotation/step",
    "asking": "annotation/requests",
    "care": "annotation/store/maintenance",
    "catalog": "models/catalogue",
    "contents": "reporting/schema",
    "counts": "training/cost",
    "diverse": "diversity_section",
    "enough": "evaluation/sample_size",
    "exporting": "runs/export",
    "fetch": "models/download",
    "head": "students/fused_cross_entropy",
    "helpers": "the room whose matter it is",
    "importers": "annotation/imports/formats",
    "key_tokens": "training/objectives/edit_mask",
    "last_batch": "training/objectives/dynsdpb",
    "unlikelihood": "training/objectives/edit",
    "lean": "students/cpu_kernels",
    "living": "system/processes",
    "outcome": "runs/results",
    "pace": "engines/openai/concurrency",
    "parts": "training/shards",
    "passes": "students/length_buckets",
    "precision": "system/hardware",
    "ready": "annotation/from_file",
    "soundness": "annotation/store/integrity",
    "traffic": "engines/openai/scheduler",
    "trained": "runs/use",
    "utils": "the room whose matter it is",
    "waiting": "engines/openai/prefix_queue",
    "wanted": "annotation/samples",
    "watching": "training/callbacks",
    "wire": "engines/openai/transport",
    "wording": "reporting/formatting",
    "work": "students/flops",
}
"""Stems of modules, and where such a thing is now."""
CLASSES = {
    "Aim": "Objective.kinds",
    "Costs": "TokenLosses",
    "Counts": "Cost",
    "Drawing": "SamplingParams",
    "Grounds": "CalibrationTarget",
    "Learnt": "WholeBatch",
    "Prices": "UnitFlops",
    "Reader": "Predictor",
    "Term": "Objective.term_names",
}
WORDS = {
    "judgement": "self-evaluation",
    "judgements": "self-evaluations",
    "thought": "rationale, or reasoning for what stands before its answer",
    "thoughts": "rationales",
    "vain": "wasted",
}
"""Words in the names of functions, arguments, fields and variables, and what to say instead."""
SENT = {"annotation/repairs.py"}
"""Sources of what teachers are sent: each sample's key holds its words."""
TEXTS = {".md", ".py", ".js", ".j2", ".json"}
KINDS = re.compile(r"\w*(Manager|Helper|Utils?)")
"""Classes that say nothing of what they do."""


def retired(source: Path) -> Iterator[str]:
    """Every module and class of a package that has a name which was given up, with the name to use."""
    for path in sorted(source.rglob("*.py")):
        where = str(path.relative_to(source))
        if path.stem in MODULES:
            yield f"{where}: use {MODULES[path.stem]}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                name = node.name.lstrip("_")
                if name in CLASSES or KINDS.fullmatch(name):
                    yield f"{where}: {name}: use {CLASSES.get(name, 'a name that says what it does')}"


def test_no_module_or_class_has_a_name_that_was_given_up() -> None:
    assert list(retired(SOURCE)) == []


def given_up(source: Path) -> Iterator[str]:
    """Every name in a package of which a part is one of `WORDS`, with the word to use."""
    for path in sorted(source.rglob("*.py")):
        names = {name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for name in bound(node)}
        for name in sorted(names):
            for part in WORDS.keys() & name.lower().split("_"):
                yield f"{path.relative_to(source)}: {name}: use {WORDS[part]}"


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a node of a syntax tree gives."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.id if isinstance(node, ast.Name) else node.attr


def test_no_name_holds_a_word_that_was_given_up() -> None:
    assert list(given_up(SOURCE)) == []


def test_no_text_calls_a_self_evaluation_a_judgement() -> None:
    files = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *SOURCE.rglob("*.[pjh]*")]
    texts = {str(path): path.read_text(encoding="utf-8") for path in files if path.suffix in TEXTS}
    found = [name for name, text in texts.items() if re.search(r"\bjudge?ments?\b", text, re.IGNORECASE)]
    assert found == [str(SOURCE / name) for name in sorted(SENT)]


def test_no_document_or_source_names_such_a_module() -> None:
    names = re.compile(rf"(?<![\w-])\w+/({'|'.join(MODULES)})\.py\b")
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *SOURCE.rglob("*.py")]
    found = {path.name: names.findall(path.read_text(encoding="utf-8").replace("benchmarks/", "")) for path in files}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("traffic.py", "", ["traffic.py: use engines/openai/scheduler"]),
        ("loss.py", "class Aim: ...", ["loss.py: Aim: use Objective.kinds"]),
        ("loss.py", "class _RunManager: ...", ["loss.py: RunManager: use a name that says what it does"]),
        ("loss.py", "class Aims: ...\nhelper = 1", []),
    ],
)
def test_a_name_that_was_given_up_is_found(tmp_path: Path, name: str, text: str, found: list[str]) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert list(retired(tmp_path)) == found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def judgement(thought): ...", ["judgement", "thought"]),
        ("class Spent:\n    vain_in: int = 0", ["vain_in"]),
        ("self.thoughts = [no_thought for no_thought in ()]", ["no_thought", "thoughts"]),
        ("thoughtful = vainly = 'thought'\nprint(other.thought)", []),
    ],
)
def test_a_word_that_was_given_up_is_found(tmp_path: Path, text: str, names: list[str]) -> None:
    (tmp_path / "module.py").write_text(text, encoding="utf-8")
    assert [found.split(": ")[1] for found in given_up(tmp_path)] == names
