"""The PaLM-540B completions of Distilling step-by-step (Hsieh et al., 2023, arXiv 2305.02301), as rows {id, raw}.

    {"id": "w1", "raw": "Ann has 3 pens. The answer is 3.\n\nQ: Another question, which the model made up"}

The model goes on after its answer with questions of its own; they are cut off.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from mindsmirror.annotation.imports.foreign import ForeignRationale, Format, id_of, string_of
from mindsmirror.tasks.rows import read_rows

_MARKS = ("Q:", "Premise:")
"""How the prompts of Distilling step-by-step begin a question."""
_BEGUN = "|".join(mark[:length] for mark in _MARKS for length in range(1, len(mark)))
_FURTHER = re.compile(rf"(?:\A|\n)[ \t]{{0,4}}(?:{'|'.join(_MARKS)})|\n\n(?:{_BEGUN})\Z")


def read_step_by_step(path: Path) -> Iterator[ForeignRationale]:
    """The completions of a file of rows {id, raw}, each up to the first further question that the model invented.

    One that runs to its end without such a question was cut at the token limit.
    """
    for row in read_rows(path):
        raw = string_of(row, "raw")
        further = _FURTHER.search(raw)
        text = raw[: further.start()].rstrip() if further else raw
        yield ForeignRationale(row.where, text, id=id_of(row), truncated=further is None)


FORMAT = Format(read_step_by_step, teacher="PaLM-540B")
