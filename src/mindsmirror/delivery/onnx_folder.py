"""A student as an ONNX folder for onnxruntime and onnxruntime-genai.

The model builder of onnxruntime-genai converts, and quantises to int8 by blocks of weights; `optimum-onnx` 0.1.0, the
latest, needs Transformers below 4.58.
"""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from mindsmirror.delivery.folder import decoder_only_config
from mindsmirror.errors import MissingExtraError, ModelFileError

MODEL = "model.onnx"


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
    if ended.returncode or not (out / MODEL).exists():
        said = [line.strip() for line in ended.stderr.splitlines() if line.strip()] or ["it wrote no model"]
        raise ModelFileError(f"onnxruntime-genai cannot convert the student: {said[-1]}")
