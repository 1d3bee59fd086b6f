"""A run's annotations as one HTML page: every question with gold, its rationales and self-evaluations, side by side.

The page holds the annotations as one block of JSON that is no script, and draws the question that is shown. Whatever a
model or a data file wrote is data: the block cannot be left from within, the scripts make text nodes of it, and the
page's policy allows no request and no script but its own, which it names by their hashes.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mindsmirror.errors import DataError
from mindsmirror.records import Annotation, DualRationale, Parse, Rationale, SelfEvaluation, Verdict
from mindsmirror.reporting.annotation_section import verdict_sources
from mindsmirror.reporting.template import inline, template
from mindsmirror.system.files import storage_guard, write_text

SHARED = ("browse_text.js", "browse_search.js")
"""Scripts with which those of every page to browse begin."""
SCRIPTS = (*SHARED, "browse_filter.js", "browse_card.js", "browse_steps.js", "browse.js")
STYLES = ("report.css", "browse.css")
RIGHT = ("right", "wrong", "unknown")
"""What gold says of a rationale: the rows of the table of filters."""
JUDGED = (*(verdict.value for verdict in Verdict), "none")
"""What was said of it: the columns."""

_LEAVES = re.compile("[<>&\u2028\u2029]")
"""What could end a script element, or a line of it."""
_LONE = re.compile("[\ud800-\udfff]")
"""Halves of a character, which UTF-8 cannot write and an address cannot hold."""


def write_browse_page(name: str, annotations: Sequence[Annotation], path: Path) -> int:
    """Write the page of a run's annotations, whole or not at all, and return its size in bytes.

    DataError if there is no annotation; StorageError if the disk refuses.
    """
    if not annotations:
        raise DataError(f"{name} has no annotated question to show.")
    return write_page(browse_page(name, annotations), path)


def browse_page(name: str, annotations: Sequence[Annotation]) -> str:
    """The page as text; the questions are in the order of the annotations."""
    return filled(
        "browse.html.j2",
        SCRIPTS,
        page_data(name, annotations),
        name=name,
        teachers=_LONE.sub("\N{REPLACEMENT CHARACTER}", ", ".join(_teachers(annotations))),
        sources=verdict_sources(annotations),
        questions=len(annotations),
        rationales=sum(len(annotation.rationales) for annotation in annotations),
        evaluations=sum(len(annotation.evaluations) for annotation in annotations),
        rows=RIGHT,
        columns=JUDGED,
    )


def filled(page: str, scripts: Sequence[str], data: Any, **fields: Any) -> str:
    """A page to browse as text: its template with the data, and the scripts and the policy that allows no others."""
    own = [inline(script) for script in scripts]
    style = Markup("\n").join(map(inline, STYLES))
    return template(page).render(policy=_policy(own), style=style, scripts=own, data=json_block(data), **fields)


def write_page(page: str, path: Path) -> int:
    """Write a page, whole or not at all, and return its size in bytes. StorageError if the disk refuses."""
    with storage_guard(path):
        write_text(path, page)
        return path.stat().st_size


def page_data(name: str, annotations: Sequence[Annotation]) -> dict[str, Any]:
    """What the page's scripts read. A key is absent where its value is: no gold, no answer, nothing to say.

    `teachers` are names that rationales and self-evaluations point to by their place; `parse` is there only where it is
    not ok. The reasoning, which the rationale's text contains, and the task's other fields are left out.
    """
    judges = (evaluation.teacher for annotation in annotations for evaluation in annotation.evaluations)
    names = dict.fromkeys(chain(_teachers(annotations), judges))
    teachers = {name: place for place, name in enumerate(names)}
    return {
        "name": name,
        "teachers": list(teachers),
        "questions": [_question(annotation, teachers) for annotation in annotations],
    }


def json_block(document: Any) -> Markup:
    """A document as JSON that can stand inside a script element: nothing in it can end the element.

    What a parser of HTML could take for a tag, a comment or an entity, and the line separators, are written as JSON's
    own escapes, so that what is read is what was given; only lone surrogates are read as U+FFFD, as they are shown.
    """
    text = _LONE.sub("\N{REPLACEMENT CHARACTER}", json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    return Markup(_LEAVES.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _question(annotation: Annotation, teachers: Mapping[str, int]) -> dict[str, Any]:
    evaluations: dict[int, list[SelfEvaluation]] = {}
    for evaluation in annotation.evaluations:
        evaluations.setdefault(evaluation.rationale, []).append(evaluation)
    example = annotation.example
    return _said(
        id=example.id,
        split=annotation.split,
        text=example.text,
        gold=example.gold,
        rationales=[
            _rationale(
                said,
                evaluations.get(said.sample, []),
                [dual for dual in annotation.duals if dual.of == said.sample],
                teachers,
            )
            for said in annotation.rationales
        ],
    )


def _rationale(
    said: Rationale, judged: Sequence[SelfEvaluation], duals: Sequence[DualRationale], teachers: Mapping[str, int]
) -> dict[str, Any]:
    return _said(
        teacher=teachers[said.teacher],
        sample=said.sample,
        text=said.text or None,
        answer=said.answer,
        right=said.right,
        evaluations=[
            _said(
                teacher=teachers[evaluation.teacher],
                verdict=evaluation.verdict,
                source=evaluation.source,
                critique=evaluation.critique or None,
                **_reading(evaluation),
            )
            for evaluation in judged
        ]
        or None,
        duals=[
            _said(kind=dual.kind, text=dual.text or None, answer=dual.answer, right=dual.right, **_reading(dual))
            for dual in duals
        ]
        or None,
        **_reading(said),
    )


def _reading(record: Rationale | SelfEvaluation) -> dict[str, Any]:
    """How reading a reply ended, where that is worth a word."""
    parse = None if record.parse is Parse.OK else record.parse.value
    return {"parse": parse, "reason": record.reason or None, "repairs": record.repairs or None}


def _teachers(annotations: Sequence[Annotation]) -> Iterable[str]:
    """Who wrote the rationales, each once."""
    return dict.fromkeys(said.teacher for annotation in annotations for said in annotation.rationales)


def _said(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _policy(scripts: Sequence[str]) -> str:
    """The page's content security policy: nothing is fetched, and no script runs but these, by their hashes."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}; base-uri 'none'; form-action 'none'"
