"""A student as an ONNX folder for onnxruntime-genai and transformers.js: one layout that both load as it is.

The model builder of onnxruntime-genai converts, and quantises to int8 by blocks of weights; `optimum-onnx` 0.1.0, the
latest, needs Transformers below 4.58. transformers.js then decides where files lie and what they are called: the graph
under `onnx/` by its type of weights, its weights beside it as `…onnx_data`, the chat template within
`tokenizer_config.json`. genai_config.json names the graph, so onnxruntime-genai finds it there.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror.delivery.folder import decoder_only_config
from mindsmirror.errors import MissingExtraError, ModelFileError
from mindsmirror.system.files import write_json

BUILT = "model.onnx"
"""What the builder calls its graph."""
CACHE_SIZE = "kv_cache_dim"
"""What it writes for the size of a head in the cache, which it knows."""


class Graph(NamedTuple):
    """How transformers.js knows a type of weights."""

    path: str
    """In the folder."""
    dtype: str


GRAPHS = {"int8": Graph("onnx/model_quantized.onnx", "q8"), "fp32": Graph("onnx/model.onnx", "fp32")}


def check_onnx(folder: Path) -> None:
    """ModelFileError for an encoder-decoder, which the builder does not convert."""
    decoder_only_config(folder, "onnxruntime-genai does not convert")


def write_onnx(folder: Path, out: Path, weights: str) -> None:
    """Write the student in `folder` into the folder `out`, which exists, as fp32 or int8."""
    if importlib.util.find_spec("onnxruntime_genai") is None or importlib.util.find_spec("onnx_ir") is None:
        raise MissingExtraError("onnxruntime-genai", "export")
    with tempfile.TemporaryDirectory() as cache:
        # Its command is what it documents; the functions behind it change with every version.
        asked = ["-m", str(folder), "-o", str(out), "-p", weights, "-e", "cpu", "-c", cache]
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder", *asked]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode or not (out / BUILT).exists():
        said = [line.strip() for line in ended.stderr.splitlines() if line.strip()] or ["it wrote no model"]
        raise ModelFileError(f"onnxruntime-genai cannot convert the student: {said[-1]}")
    graph = GRAPHS[weights]
    _move_graph(out, graph)
    _write_configs(folder, out, graph)
    _template_within(out)


def _move_graph(out: Path, graph: Graph) -> None:
    """The graph and its weights under the names of transformers.js, and their place for onnxruntime-genai."""
    import onnx_ir

    config = _read(out / "genai_config.json")
    decoder = config["model"]["decoder"]
    model = onnx_ir.load(out / BUILT)
    for value in (*model.graph.inputs, *model.graph.outputs):
        # transformers.js begins with a cache that is empty along every size without a number.
        sizes = [decoder["head_size"] if size == CACHE_SIZE else size for size in value.shape or ()]
        value.shape = onnx_ir.Shape(sizes)
    moved = out / graph.path
    moved.parent.mkdir()
    # The graph names the file of its weights, so both are written anew; the weights are read by memory mapping.
    onnx_ir.save(model, moved, external_data=f"{moved.name}_data")
    for built in (out / BUILT, out / f"{BUILT}.data"):
        built.unlink()
    decoder["filename"] = graph.path
    write_json(out / "genai_config.json", config)


def _write_configs(folder: Path, out: Path, graph: Graph) -> None:
    """The student's configuration, which says which graph transformers.js takes and that its weights lie beside it."""
    external = {Path(graph.path).name: True}
    settings = {"dtype": graph.dtype, "use_external_data_format": external}
    write_json(out / "config.json", _read(folder / "config.json") | {"transformers.js_config": settings})
    if (folder / "generation_config.json").exists():
        shutil.copy(folder / "generation_config.json", out)


def _template_within(out: Path) -> None:
    """The chat template in tokenizer_config.json: transformers.js does not read the file that Transformers writes."""
    template = out / "chat_template.jinja"
    if template.exists():
        within = {"chat_template": template.read_text(encoding="utf-8")}
        write_json(out / "tokenizer_config.json", _read(out / "tokenizer_config.json") | within)
        template.unlink()


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
