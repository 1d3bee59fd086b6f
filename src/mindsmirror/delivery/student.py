"""A trained student on disk for others: written, loaded in its runtime, compared, and kept only if it is good.

The folder is written beside its place and then moved there. It holds the files that passed, and `fidelity.json` with
the figures of all that were written, those that failed among them.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from mindsmirror.delivery.compare import Trained
from mindsmirror.delivery.fidelity import Fidelity
from mindsmirror.delivery.folder import CARD, FIDELITY, require_empty
from mindsmirror.delivery.formats import STUDENT_FORMATS, Source
from mindsmirror.errors import ModelFileError, RecipeError, UnknownNameError
from mindsmirror.system.files import storage_guard, whole_folder, write_json, write_text
from mindsmirror.system.progress import Working, say


def check_export(to: str, weights: Sequence[str], folder: Path, out: Path) -> tuple[str, ...]:
    """The types of weights to write, the format's default if none is named; refuses what cannot be written.

    UnknownNameError for a format or type that there is not, RecipeError for several types where each is a folder,
    ModelFileError for a student that the format cannot hold, DataError if `out` holds something.
    """
    if to not in STUDENT_FORMATS:
        raise UnknownNameError("format of students", to, STUDENT_FORMATS)
    form = STUDENT_FORMATS[to]
    chosen = tuple(dict.fromkeys(weights)) or (next(iter(form.weights)),)
    for each in chosen:
        if each not in form.weights:
            raise UnknownNameError(f"type of weights of {to}", each, form.weights)
    if len(chosen) > 1 and to != "gguf":
        raise RecipeError(
            f"an export to {to} is a folder of one model. Name one type of weights, and a folder for each."
        )
    require_empty(out)
    form.check(folder)
    return chosen


def write_student(
    source: Source,
    to: str,
    weights: Sequence[str],
    out: Path,
    trained: Trained,
    card: Callable[[Sequence[Fidelity]], str],
) -> list[Fidelity]:
    """Write a student and its card into the folder `out`; returns how each file compares with the trained student.

    ModelFileError names what failed its bounds and is not kept; if nothing passed, nothing is written.
    """
    form = STUDENT_FORMATS[to]
    found: list[Fidelity] = []
    with storage_guard(out), whole_folder(out) as part:
        for kind in weights:
            with Working(f"writing {to} ({kind})"):
                path = form.write(source, part, kind)
            runtime = form.open(source, path)
            try:
                compared = trained.fidelity(
                    path, out.name if path == part else path.name, kind, runtime, form.weights[kind]
                )
            finally:
                runtime.close()
            found.append(compared)
            say(compared.line)
            if compared.failed:
                _remove(path)
        if all(each.failed for each in found):
            raise ModelFileError(_failure(found))
        write_text(part / CARD, card(found))
        write_json(part / FIDELITY, [each.model_dump(mode="json") for each in found])
    if any(each.failed for each in found):
        raise ModelFileError(f"{_failure(found)} What passed is in {out}.")
    return found


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        path.mkdir()
    else:
        path.unlink()


def _failure(found: Sequence[Fidelity]) -> str:
    said = "; ".join(f"{each.file} ({each.weights}): {', '.join(each.failed)}" for each in found if each.failed)
    return f"the exported student is not the trained one, so it is not kept. {said}."
