"""`examples/quickstart.ipynb`: its cells, one after the other, on a tiny run instead of the demo's."""

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest
from end_to_end import material
from end_to_end.conftest import Finished

from docs import ROOT
from mindsmirror.inference.question import Reply

NOTEBOOK = json.loads((ROOT / "examples" / "quickstart.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
OF_THE_DEMO = 'RUN = "../runs/quickstart"'


def shown(names: dict[str, Any], run: str) -> Iterator[Any]:
    """What each cell would show: the value of the expression that it ends with, else None."""
    for cell in CODE:
        body = ast.parse("".join(cell["source"]).replace(OF_THE_DEMO, f"RUN = {run!r}")).body
        last = body[-1]
        ends = ast.Expression(last.value if isinstance(last, ast.Expr) else ast.Constant(None))
        exec(compile(ast.Module(body[:-1] if isinstance(last, ast.Expr) else body, []), "notebook", "exec"), names)
        yield eval(compile(ast.fix_missing_locations(ends), "notebook", "eval"), names)


def test_its_cells_run_on_another_run_by_one_line(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    values = list(shown(names, str(finished.run)))
    said = capsys.readouterr().out
    assert sum("".join(cell["source"]).count(OF_THE_DEMO) for cell in CODE) == 1
    assert repr(values[1]).startswith("<student 'mirror' of the run 'tiny': ")
    reply: Reply = names["student"].ask(names["questions"][0])
    assert reply.rationale in said and f"verdict: {reply.verdict}, confidence: {reply.confidence}" in said
    report = material.document(finished.run / "report.json")
    modes, right = values[3], values[4].to_dict()
    assert [mode for mode, _, _ in modes] == ["think"] * (len(modes) - 1) + ["predict"]
    assert right == {(arm["name"], arm["mode"]): pytest.approx(arm["accuracy"]) for arm in report["arms"]}
    assert set(values[5].columns) >= {"question", "gold", "answer"}
    assert all(finding in said for finding in report["findings"])
    assert names["first"].rationales[0].text in said


def test_it_is_kept_without_outputs() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CODE)
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids)
