"""A tiny student behind a real socket, in this process."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from end_to_end.schooling import schooled

from mindsmirror.answers.stored import StoredKind
from mindsmirror.inference.confidence import Calibration
from mindsmirror.inference.description import FILE, StudentDescription, VerdictTask
from mindsmirror.records import MODES, Tag
from mindsmirror.runs.student import TrainedStudent
from mindsmirror.server.config import ServerConfig
from mindsmirror.server.serve import address_of, listen, make_server
from mindsmirror.students.text import VERDICT_WORDS

QUESTION = "Ann has 5 pens and Bo has 60 pens. How many pens has Ann?"
NAME = "tiny-mirror"


def description(calibration: Calibration | None = None) -> StudentDescription:
    """What stands beside the student: it has every mode, and answers with numbers."""
    return StudentDescription(
        run="tiny",
        arm="mirror",
        method="minds_mirror",
        base="tiny llama",
        task="pens",
        answers=StoredKind(kind="number"),
        modes=MODES,
        default_mode="think",
        verdict=VerdictTask(tag=Tag.VERDICT, sees_question=True, words=VERDICT_WORDS),
        samples=2,
        temperature=0.7,
        max_tokens=60,
        max_source=256,
        batch=64,
        calibration=calibration,
        precision="fp32",
    )


def student_folder(model: Path, folder: Path, calibration: Calibration | None = None) -> Path:
    """A folder that `mindsmirror.load` and `serve` take, made of a tiny model in some seconds."""
    schooled(model, folder)
    said = description(calibration).model_dump(mode="json")
    (folder / FILE).write_text(json.dumps(said), encoding="utf-8")
    return folder


@contextmanager
def serving(student: TrainedStudent, config: ServerConfig | None = None) -> Iterator[str]:
    """The address at which the student is asked while this lasts; it ends as by a signal."""
    config = config or ServerConfig(port=0)
    with listen(config) as listening:
        server = make_server(student, config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield address_of(listening)
        finally:
            server.should_exit = True
            thread.join(60)
    assert not thread.is_alive()
