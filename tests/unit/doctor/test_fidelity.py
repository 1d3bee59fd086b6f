"""A file that is read wrongly is found out by what the engine writes, whatever the engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_gguf
import torch

from mindsmirror.annotation.prompts import Prompt
from mindsmirror.doctor.fidelity import FEWEST, TOKENS, Fidelity, compared, greedy, verdict
from mindsmirror.doctor.finding import Status
from mindsmirror.engines import Completion, Finish, Message, TeacherConfig, open_engine
from mindsmirror.engines.chat import prompt_ids
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.engines.transformers import TransformersEngine
from mindsmirror.errors import EngineError

PROMPTS = [
    Prompt((Message("system", "Solve it."), Message("user", f"What is {number} times {number + 7}?")), 1)
    for number in range(4)
]
FP32 = {"dtype": "float32"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def opened(path: Path) -> TransformersEngine:
    engine = open_engine(TeacherConfig(model=str(path), engine="transformers", parameters=FP32))
    assert isinstance(engine, TransformersEngine)
    return engine


@pytest.fixture(scope="module")
def reference(folder: Path) -> Iterator[TransformersEngine]:
    with opened(tiny_gguf.write(folder / "intact.gguf")) as engine:
        yield engine


def judged(engine: str, found: Fidelity) -> Status:
    return verdict(TeacherConfig(model="tiny", engine="openvino"), found).status


def test_the_reference_agrees_with_itself(reference: TransformersEngine) -> None:
    found = compared(reference, PROMPTS, greedy(reference, PROMPTS))
    assert found.agreement == 1.0 and found.gap == found.largest == 0.0 and found.prompts_differ == 0
    # The last token of a reply that was cut is left out.
    assert found.tokens == len(PROMPTS) * (TOKENS - 1)
    assert judged("tiny", found) is Status.OK


WRONG: dict[str, tuple[float, str]] = {
    "rope": (100.0, ""),
    **{name: (10000.0, name) for name in ("blk.0.attn_q.weight", "blk.1.attn_v.weight", "output.weight")},
}
"""Base of the rotary positions, and the matrix that is turned."""


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_read_otherwise_is_caught(name: str, folder: Path, reference: TransformersEngine) -> None:
    path = tiny_gguf.write(folder / f"{name}.gguf", "F16", *WRONG[name])
    with opened(path) as engine:
        found = compared(reference, PROMPTS, greedy(engine, PROMPTS))
    assert found.wrong and judged("tiny", found) is Status.FAILURE


def test_what_another_model_wrote_is_caught(reference: TransformersEngine) -> None:
    with ScriptedEngine(lambda request, key: "The answer is 12, as 3 times 4 is 12.") as engine:
        found = compared(reference, PROMPTS, greedy(engine, PROMPTS))
    assert found.wrong
    # It counts words.
    assert found.prompts_differ == len(PROMPTS)


def test_a_reply_is_followed_token_by_token(reference: TransformersEngine) -> None:
    """Against logits that are computed one token at a time."""
    model, messages = reference._model, PROMPTS[0].messages
    text = "Hm, 8."
    ids = prompt_ids(reference._tokenizer, messages)
    written = [*reference._tokenizer(text, add_special_tokens=False)["input_ids"]]
    gaps = []
    for token in [*written, None]:
        with torch.inference_mode():
            values = model(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        taken = values[reference._stops].max() if token is None else values[token]
        gaps.append(float(values.max() - taken))
        ids = [*ids, token]
    whole = reference.follow(messages, Completion("k", text, Finish.STOP))
    assert whole.gaps == pytest.approx(gaps, abs=1e-4) and whole.prompt_tokens == len(ids) - len(written) - 1
    assert whole.agrees == tuple(gap == 0 for gap in gaps)
    cut = reference.follow(messages, Completion("k", text, Finish.LENGTH))
    assert cut.gaps == pytest.approx(gaps[: len(written) - 1], abs=1e-4)
    # Half a character at the end of what was cut is none.
    assert reference.follow(messages, Completion("k", text + "\ufffd", Finish.LENGTH)).gaps == cut.gaps
    assert reference.follow(messages, Completion("k", "", Finish.LENGTH)).gaps == ()


def test_what_the_figures_mean() -> None:
    def status(**figures: float) -> Status:
        whole = {"tokens": 124, "agreement": 0.99, "gap": 0.005, "largest": 0.6, "prompts_differ": 0} | figures
        return judged("tiny", Fidelity.model_validate(whole))

    assert status() is status(gap=0.04, largest=4.0, agreement=0.98) is Status.OK
    assert status(gap=0.29, agreement=0.82) is Status.FAILURE, "the Q4_1 file that OpenVINO reads wrongly"
    assert status(agreement=0.6) is status(gap=0.2) is Status.FAILURE
    assert status(agreement=0.85) is status(gap=0.1) is status(prompts_differ=1) is Status.WARNING
    assert status(tokens=FEWEST - 1, agreement=0.0) is Status.WARNING


def test_an_engine_that_forgets_a_prompt_is_an_error() -> None:
    class Forgetful(ScriptedEngine):
        def submit(self, request: object) -> None:
            """Take nothing."""

    with pytest.raises(EngineError, match="scripted gave 0 of 4 replies"):
        greedy(Forgetful(), PROMPTS)
