"""llama.cpp in this process, on a tiny model made here; what it computes is held against Transformers."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tiny_gguf

from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling, sample_key
from mindsmirror.engines.llama_cpp import LlamaCppEngine, LlamaCppOptions, body_of, read_stream
from mindsmirror.engines.transformers import TransformersEngine, TransformersOptions
from mindsmirror.errors import EngineError

if TYPE_CHECKING:
    from mindsmirror.engines.base import Engine

ROOM = LlamaCppOptions(slots=3, context=512, threads=1)
SHARED = (Message("system", "Count."), Message("user", "one two"), Message("assistant", "three"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("gguf") / "tiny.gguf", "F32")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[LlamaCppEngine]:
    with LlamaCppEngine(model, {"m": 1}, options=ROOM) as engine:
        yield engine


@pytest.fixture(scope="module")
def reference(model: Path) -> TransformersEngine:
    return TransformersEngine(model, {"m": 1}, options=TransformersOptions(dtype="float32"))


def request(name: str, samples: int = 1, *, start: int = 0, shared: int = 0, **sampling: Any) -> Request:
    messages = (*SHARED[:shared], Message("user", f"And {name}?"))
    drawn = Sampling.model_validate({"max_tokens": 12} | sampling)
    keys = tuple(sample_key({}, messages, drawn, i) for i in range(start, start + samples))
    return Request(name, messages, drawn, keys, shared)


def run(engine: "Engine", *requests: Request) -> dict[str, tuple[Completion, ...]]:
    for each in requests:
        engine.submit(each)
    ended: dict[str, tuple[Completion, ...]] = {}
    while batch := engine.poll():
        ended |= {r.id: completions for r, completions in batch}
    return ended


def test_every_sample_comes_back_under_its_key(engine: LlamaCppEngine) -> None:
    """More samples than slots, prompts with and without a shared prefix, at once."""
    requests = [request(f"q{n}", n % 4, shared=3 * (n % 2), temperature=1.0) for n in range(9)]
    ended = run(engine, *requests)
    assert set(ended) == {each.id for each in requests}
    for each in requests:
        completions = ended[each.id]
        assert tuple(c.key for c in completions) == each.keys
        assert all(c.finish is Finish.STOP or (c.finish is Finish.LENGTH and c.tokens_out == 12) for c in completions)
        assert all(0 < c.tokens_out <= 12 and not c.error for c in completions)
        assert [c.tokens_in > 0 for c in completions] == [n == 0 for n in range(len(completions))]
    assert engine.poll() == []


def test_greedy_text_and_prompt_are_those_of_transformers(
    engine: LlamaCppEngine, reference: TransformersEngine
) -> None:
    """Same bytes of the prompt by the model's own template, same tokens out, whatever else is in the slots."""
    wanted = [request(f"what comes after {n}", temperature=0.0, shared=3 * (n % 2)) for n in range(6)]
    ours, theirs = run(engine, *wanted), run(reference, *wanted)
    for each in wanted:
        ((mine,), (other,)) = ours[each.id], theirs[each.id]
        assert (mine.text, mine.tokens_in, mine.finish) == (other.text, other.tokens_in, other.finish)


def test_choices_have_the_probabilities_of_transformers(engine: LlamaCppEngine, reference: TransformersEngine) -> None:
    """Before any temperature, one token drawn; llama.cpp keeps keys and values in half precision."""
    asked = [request("a or b", choices=("a", "b"), temperature=t) for t in (0.0, 0.7)]
    for each in asked:
        ((mine,), (other,)) = run(engine, each)[each.id], run(reference, each)[each.id]
        assert mine.tokens_out == other.tokens_out == 1
        assert len(mine.alternatives) == len(other.alternatives) == 20
        likeliness = {a.text: a.logprob for a in other.alternatives}
        for alternative in mine.alternatives[:18]:  # the last may change places
            assert alternative.logprob == pytest.approx(likeliness[alternative.text], abs=0.05)
    assert run(engine, request("a or b"))["a or b"][0].alternatives == ()


def test_a_sample_is_drawn_by_its_own_key(engine: LlamaCppEngine) -> None:
    whole = run(engine, request("dice", 4, temperature=1.0))["dice"]
    again = run(engine, request("dice", 2, start=2, temperature=1.0))["dice"]
    assert [c.text for c in again] == [c.text for c in whole[2:]]
    assert len({c.text for c in whole}) == 4


def test_tokens_are_drawn_from_the_whole_vocabulary_at_the_temperature(engine: LlamaCppEngine) -> None:
    """llama.cpp's own chain would leave 40 tokens of over 200, and of those the likely ones."""
    drawn = run(engine, request("noise", 300, max_tokens=1, temperature=6.0))["noise"]
    assert len({c.text for c in drawn}) > 60
    few = run(engine, request("noise", 60, max_tokens=1, temperature=3.0, top_p=0.05))["noise"]
    assert len({c.text for c in few}) < 30


def test_what_does_not_fit_fails_and_takes_nobody_along(engine: LlamaCppEngine) -> None:
    long = Request("long", (Message("user", "x" * 600),), Sampling(max_tokens=4), ("1" * 64,))
    runs_out = Request("runs out", (Message("user", "x" * 450),), Sampling(max_tokens=200), ("2" * 64,))
    broken = Request("broken", (Message("user", "\ud83d"),), Sampling(max_tokens=4), ("3" * 64,))
    ended = run(engine, long, request("fine"), runs_out, broken)
    assert ended["fine"][0].finish is Finish.LENGTH
    for name, reason in (("long", "context"), ("runs out", "context"), ("broken", "surrogate")):
        (completion,) = ended[name]
        assert completion.finish is Finish.FAILED and reason in completion.error and not completion.text


def test_a_reply_that_ends_by_itself_is_told_from_one_that_is_cut() -> None:
    asked = request("x")

    def chunks(reason: str, tokens: int) -> list[dict[str, Any]]:
        usage = {"prompt_tokens": 7, "completion_tokens": tokens}
        text = {"delta": {"role": "assistant", "content": None}}, {"delta": {"content": "ab"}, "finish_reason": reason}
        return [*({"choices": [each]} for each in text), {"choices": [], "usage": usage}]

    stopped, cut = (read_stream(asked.keys[0], asked, chunks(*how)) for how in (("stop", 3), ("length", 12)))
    assert (stopped.text, stopped.finish, stopped.tokens_in, stopped.tokens_out) == ("ab", Finish.STOP, 7, 3)
    assert cut.finish is Finish.LENGTH
    assert read_stream(asked.keys[0], asked, chunks("stop", 3)[:2]).finish is Finish.FAILED
    assert body_of(asked, asked.keys[0])["max_tokens"] == 12


def test_closing_breaks_off_and_leaves_no_thread(model: Path) -> None:
    before = threading.active_count()
    engine = LlamaCppEngine(model, {}, options=LlamaCppOptions(slots=2, context=4096, threads=1))
    engine.submit(request("long", 6, max_tokens=3900))
    time.sleep(0.2)
    assert threading.active_count() == before + 2
    engine.close()
    assert threading.active_count() == before and engine.poll() == []
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit(request("late"))


def test_a_program_that_forgets_to_close_ends_all_the_same(model: Path) -> None:
    """Python stops threads at its exit, and one inside llama.cpp would abort the process."""
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from mindsmirror.engines.base import Message, Request, Sampling\n"
        "from mindsmirror.engines.llama_cpp import LlamaCppOptions\n"
        "from mindsmirror.engines.llama_cpp import LlamaCppEngine\n"
        "options = LlamaCppOptions(slots=2, context=4096, threads=1)\n"
        "engine = LlamaCppEngine(Path(sys.argv[1]), {}, options=options)\n"
        "keys = tuple(f'{n:064x}' for n in range(4))\n"
        "engine.submit(Request('a', (Message('user', 'x'),), Sampling(max_tokens=3900), keys))\n"
        "time.sleep(0.3)\n"
        "raise KeyboardInterrupt if sys.argv[2] == 'interrupt' else SystemExit(7)\n"
    )
    for how, code in (("exit", 7), ("interrupt", -2)):
        command = [sys.executable, "-c", program, str(model), how]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert "FATAL" not in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot read"),
        (b"no model at all", "not a GGUF file"),
        (b"GGUF" + b"\0" * 200, "no chat template"),
        (b"GGUF\0\0\0\0tokenizer.chat_template" + b"\0" * 200, "damaged"),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=message) as caught:
        LlamaCppEngine(path, {}, options=ROOM)
    assert str(path) in str(caught.value)


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    """llama.cpp would take a template of its own, and the teacher would be asked in a form that it never saw."""
    path = tiny_gguf.write(tmp_path / "base.gguf", template=None)
    with pytest.raises(EngineError, match="no chat template"):
        LlamaCppEngine(path, {}, options=ROOM)


def test_its_port_is_of_no_use_to_others(engine: LlamaCppEngine) -> None:
    import urllib.error
    import urllib.request

    address = engine._slots._server.listening_address
    assert address.startswith("http://127.0.0.1:")
    body = b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}'
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(f"{address}/v1/chat/completions", data=body))
    assert caught.value.code == 401
