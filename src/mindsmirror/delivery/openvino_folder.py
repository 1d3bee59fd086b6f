"""A student as an OpenVINO folder, with its tokenizer: what OpenVINO GenAI's pipelines load.

OpenVINO GenAI itself converts: it reads a GGUF file (gguf_file.py) and saves the model that it made of it. The weights
keep the file's rounding, so int8 is Q8_0, a scale for every 32 values. `optimum-intel` 2.2 needs Transformers below 5.6
and cannot be installed beside this package.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mindsmirror.delivery.gguf_file import About, write_gguf
from mindsmirror.errors import MissingExtraError, ModelFileError
from mindsmirror.students.config import GRAPH
from mindsmirror.system.openvino_settings import openvino_settings
from mindsmirror.system.signal_stack import signal_stack_kept

FROM: Mapping[str, str] = {"int8": "q8_0", "fp16": "f16"}
"""Types of weights, and those of the GGUF file in between."""
FAMILY = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
"""Files of a student's folder that go with it: those of its tokenizer are read by Transformers and others."""


def write_openvino(folder: Path, out: Path, weights: str, about: About) -> None:
    """Write the student in `folder` into the folder `out`, which exists."""
    try:
        import openvino_genai
    except ImportError as error:
        raise MissingExtraError("openvino-genai") from error
    with tempfile.TemporaryDirectory(dir=out) as place:
        # GenAI names what it saves itself, and puts it beside the file that it reads.
        write_gguf(folder, Path(place) / "model.gguf", FROM[weights], about)
        try:
            with signal_stack_kept():
                # Of its pipelines, this one saves the detokenizer too.
                openvino_genai.LLMPipeline(
                    f"{place}/model.gguf", "CPU", enable_save_ov_model=True, **openvino_settings()
                )
        except RuntimeError as error:
            raise ModelFileError(f"OpenVINO cannot convert the student: {str(error)[-300:]}") from error
        made = sorted(Path(place).glob("openvino_*"))
        if not any(path.name == GRAPH for path in made):
            raise ModelFileError("this version of openvino-genai does not save the model that it reads from GGUF.")
        for path in made:
            shutil.move(path, out / path.name)
    for name in FAMILY:
        if (folder / name).exists():
            shutil.copy(folder / name, out / name)
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    if "generation_config.json" not in [path.name for path in out.iterdir()]:
        (out / "generation_config.json").write_text(json.dumps({"eos_token_id": config.get("eos_token_id")}))
