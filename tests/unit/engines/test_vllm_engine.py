"""What of the vLLM engine needs no GPU: how requests and replies are translated, and how it refuses to start."""

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mindsmirror.engines import TeacherConfig, engine_identity, open_engine
from mindsmirror.engines.base import Alternative, Finish, Message, Request, Sampling, seed_of
from mindsmirror.engines.vllm import check_window, completions_of, sampling_fields
from mindsmirror.errors import EngineError, MissingExtraError

KEYS = tuple(f"{n:064x}" for n in range(3, 6))


@dataclass
class Sequence:
    """What is read of vLLM's `CompletionOutput`."""

    index: int
    text: str
    token_ids: list[int]
    finish_reason: str
    logprobs: list[dict[int, Any]] | None = None


def request(keys: tuple[str, ...] = KEYS, **sampling: Any) -> Request:
    return Request("r", (Message("user", "Hi"),), Sampling(**sampling), keys)


def output(*sequences: Sequence) -> Any:
    return SimpleNamespace(prompt_token_ids=[1, 2, 3, 4], outputs=list(sequences))


def test_samples_of_a_prompt_are_one_request() -> None:
    assert sampling_fields(request(temperature=0.7, top_p=0.9, max_tokens=50)) == {
        "n": 3,
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": seed_of(KEYS[0]),
        "logprobs": None,
    }


def test_greedy_samples_are_drawn_once_and_counted_once() -> None:
    """vLLM refuses to draw more than one of what is always the same."""
    greedy = request(temperature=0)
    assert sampling_fields(greedy)["n"] == 1
    found = completions_of(greedy, output(Sequence(0, "four", [7, 8], "stop")))
    assert [(c.key, c.text, c.tokens_in, c.tokens_out) for c in found] == [
        (KEYS[0], "four", 4, 2),
        (KEYS[1], "four", 0, 0),
        (KEYS[2], "four", 0, 0),
    ]


def test_sequences_come_back_under_their_keys_with_their_ends() -> None:
    sequences = (
        Sequence(2, "c", [1], "abort"),
        Sequence(0, "a", [1, 2], "stop"),
        Sequence(1, "b", [1, 2, 3], "length"),
    )
    stopped, cut, lost = completions_of(request(), output(*sequences))
    assert (stopped.key, stopped.text, stopped.finish, stopped.tokens_in) == (KEYS[0], "a", Finish.STOP, 4)
    assert (cut.key, cut.text, cut.finish, cut.tokens_in, cut.tokens_out) == (KEYS[1], "b", Finish.LENGTH, 0, 3)
    assert lost.finish is Finish.FAILED and lost.error and lost.text == ""


def test_choices_take_one_token_and_its_alternatives() -> None:
    weighing = request(KEYS[:1], choices=("yes", "no"), temperature=0.9)
    fields = sampling_fields(weighing)
    assert (fields["n"], fields["max_tokens"], fields["logprobs"]) == (1, 1, 20)
    first = {
        5: SimpleNamespace(logprob=-2.0, decoded_token="no"),
        6: SimpleNamespace(logprob=-0.5, decoded_token="yes"),
        7: SimpleNamespace(logprob=-9.0, decoded_token=None),
    }
    (found,) = completions_of(weighing, output(Sequence(0, "no", [5], "length", [first])))
    assert found.alternatives == (Alternative("yes", -0.5), Alternative("no", -2.0), Alternative("", -9.0))


def test_a_prompt_that_leaves_no_room_is_refused() -> None:
    check_window(50, request(max_tokens=50), 100)
    with pytest.raises(ValueError, match=r"51 tokens and max_tokens 50 do not fit the model's window of 100"):
        check_window(51, request(max_tokens=50), 100)
    check_window(99, request(choices=("a",), max_tokens=50), 100)


def test_gguf_files_are_refused_before_they_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF")
    for model in ("qwen2.5-coder-1.5b-instruct", str(file)):
        with pytest.raises(EngineError, match="reads no GGUF"):
            open_engine(TeacherConfig(model=model, engine="vllm"))
    assert not (tmp_path / "cache" / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf").exists()


def test_speed_is_no_part_of_its_identity() -> None:
    def identity(**parameters: Any) -> Any:
        return engine_identity(TeacherConfig(model="some/model", engine="vllm", parameters=parameters))

    assert identity() == {"engine": "vllm", "model": "some/model", "parameters": {}}
    assert identity(in_flight=8, gpu_memory=0.5, gpus=2, context=512) == identity()
    assert identity(dtype="float16") != identity() != identity(revision="abc")


@pytest.mark.skipif(
    importlib.util.find_spec("vllm") is not None, reason="needs a machine without vLLM, which is without a GPU"
)
def test_without_the_package_it_says_what_to_install() -> None:
    with pytest.raises(MissingExtraError, match="pip install vllm"):
        open_engine(TeacherConfig(model="some/model", engine="vllm"))


def test_without_a_gpu_it_names_engines_that_need_none(tmp_path: Path) -> None:
    """With a package of that name at hand, in a process that sees no GPU."""
    (tmp_path / "vllm.py").write_text("EngineArgs = LLMEngine = None\n", encoding="utf-8")
    program = (
        "from mindsmirror.engines import TeacherConfig, open_engine\n"
        "from mindsmirror.errors import EngineError\n"
        "try:\n    open_engine(TeacherConfig(model='some/model', engine='vllm'))\n"
        "except EngineError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}"],
        check=True,
        capture_output=True,
        text=True,
        env={"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": ":".join(sys.path)},
    )
    assert "needs a GPU" in done.stdout and "llama_cpp" in done.stdout
