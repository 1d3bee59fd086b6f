"""The Transformers engine on a tiny random Llama with a tokenizer of its own, made here."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from mindsmirror.engines import TeacherConfig, open_engine
from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling, sample_key
from mindsmirror.engines.transformers import TransformersEngine, TransformersOptions
from mindsmirror.errors import EngineError, ModelFileError

TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' and m.content == 'no' %}"
    "{{ raise_exception('no system please') }}{% endif %}"
    "<s>{{ m.role }} {{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<s>assistant {% endif %}"
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """A model this small is slower on several threads, and far slower where others want them too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level model of two layers whose generation defaults would distort sampling if they applied."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {token: i for i, token in enumerate(["<s>", "</s>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", chat_template=TEMPLATE
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=200,
            bos_token_id=0,
            eos_token_id=1,
        )
    )
    model.generation_config.top_k = 1
    model.generation_config.repetition_penalty = 1.5
    model.generation_config.do_sample = True
    path = tmp_path_factory.mktemp("tiny") / "model"
    model.save_pretrained(path)
    fast.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def engine(folder: Path) -> TransformersEngine:
    return TransformersEngine(folder, {"m": 1}, options=TransformersOptions(batch=4, dtype="float32"))


def request(name: str, samples: int, *, start: int = 0, text: str = "Hi", **sampling: Any) -> Request:
    messages = (Message("user", text),)
    drawn = Sampling.model_validate({"max_tokens": 12} | sampling)
    keys = tuple(sample_key({}, messages, drawn, i) for i in range(start, start + samples))
    return Request(name, messages, drawn, keys)


def run(engine: TransformersEngine, *requests: Request) -> dict[str, tuple[Completion, ...]]:
    for each in requests:
        engine.submit(each)
    ended: dict[str, tuple[Completion, ...]] = {}
    while batch := engine.poll():
        ended |= {r.id: completions for r, completions in batch}
    return ended


def test_every_sample_comes_back_under_its_key(engine: TransformersEngine) -> None:
    requests = [request("a", 3), request("b", 6, text="Longer than that"), request("c", 1, temperature=0.0)]
    ended = run(engine, *requests)
    for each in requests:
        completions = ended[each.id]
        assert tuple(c.key for c in completions) == each.keys
        assert completions[0].tokens_in > 10 and all(c.tokens_in == 0 for c in completions[1:])
        for c in completions:
            assert 0 < c.tokens_out <= 12
            assert c.finish is Finish.STOP or c.tokens_out == 12
            assert "</s>" not in c.text
    assert engine.poll() == []


def test_greedy_text_is_that_of_a_plain_forward_loop(engine: TransformersEngine, folder: Path) -> None:
    """Left padding, a batch of others, and the model's own generation defaults must not change it."""
    longer = request("long", 2, text="A much longer question, so that the short one is padded", temperature=0)
    made = run(engine, longer, request("short", 1, temperature=0.0))["short"][0]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = LlamaForCausalLM.from_pretrained(folder)
    ids = tokenizer("<s>user Hi</s><s>assistant ", add_special_tokens=False, return_tensors="pt")["input_ids"]
    begin = ids.shape[1]
    with torch.inference_mode():
        while ids.shape[1] < begin + 12 and (ids.shape[1] == begin or ids[0, -1] != 1):
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
    assert made.text == tokenizer.decode(ids[0, begin:], skip_special_tokens=True)
    assert made.tokens_in == begin


def test_choices_tell_the_first_tokens_of_a_plain_forward_pass(engine: TransformersEngine, folder: Path) -> None:
    """Before the temperature, and beside a longer prompt in the same batch."""
    weigh: dict[str, Any] = {"choices": ("yes", "no"), "temperature": 0.5}
    ended = run(engine, request("long", 1, text="A much longer question", **weigh), request("short", 1, **weigh))
    (made,) = ended["short"]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    ids = tokenizer("<s>user Hi</s><s>assistant ", add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        logits = LlamaForCausalLM.from_pretrained(folder)(ids).logits[0, -1]
    found = torch.log_softmax(logits, -1).topk(20)
    assert [a.logprob for a in made.alternatives] == pytest.approx(found.values.tolist(), abs=1e-4)
    assert [a.text for a in made.alternatives] == [tokenizer.decode([i]) for i in found.indices.tolist()]
    assert made.tokens_out == 1 and made.finish is Finish.LENGTH
    assert run(engine, request("a", 1))["a"][0].alternatives == ()


def test_same_keys_draw_alike_and_others_apart(engine: TransformersEngine) -> None:
    state = torch.random.get_rng_state()
    first = run(engine, request("a", 4))["a"]
    assert run(engine, request("a", 4))["a"] == first
    topped_up = run(engine, request("a", 4, start=4))["a"]
    assert len({c.text for c in first + topped_up}) == 8
    assert torch.equal(state, torch.random.get_rng_state())


def test_what_does_not_fit_or_is_refused_fails_alone(engine: TransformersEngine) -> None:
    bad = Request("system", (Message("system", "no"), Message("user", "Hi")), Sampling(), ("00000000",))
    ended = run(engine, request("big", 2, text="x" * 300), request("ok", 1), bad)
    assert all(c.finish is Finish.FAILED and "window of 200" in c.error for c in ended["big"])
    assert ended["ok"][0].text
    assert "no system please" in ended["system"][0].error


def test_stops_where_the_model_says(folder: Path) -> None:
    """With an output layer of zeros, greedy decoding takes the lowest id: it is made the one to stop at."""
    engine = TransformersEngine(folder, {}, options=TransformersOptions(dtype="float32"))
    assert engine._stops == [1]
    with torch.no_grad():
        engine._model.lm_head.weight.zero_()
    engine._stops = [0]
    (completion,) = run(engine, request("a", 1, temperature=0.0))["a"]
    assert (completion.text, completion.finish, completion.tokens_out) == ("", Finish.STOP, 1)


def test_every_token_can_be_drawn(folder: Path) -> None:
    """Transformers' own default keeps the 50 likeliest tokens; nothing but `Sampling` may cut the choice.

    The random model holds all 258 nearly equally likely.
    """
    engine = TransformersEngine(folder, {}, options=TransformersOptions(dtype="float32", batch=600))
    completions = run(engine, request("a", 600, max_tokens=1))["a"]
    assert len({c.text for c in completions}) > 60


def test_opens_from_a_recipe_and_closes(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path))
    config = TeacherConfig(model=str(folder), engine="transformers", parameters={"batch": 2})
    with open_engine(config) as engine:
        assert engine.capacity == 4 and len(engine.identity["sha256"]) == 64
        engine.submit(request("a", 3))
        assert len(engine.poll()[0][1]) == 3


def test_models_that_cannot_teach_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot load"):
        TransformersEngine(tmp_path, {})
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(EngineError, match=r"cannot load .*bad\.gguf"):
        TransformersEngine(tmp_path / "bad.gguf", {})
    base = tmp_path / "base"
    PreTrainedTokenizerFast.from_pretrained(folder, chat_template=None).save_pretrained(base)
    LlamaForCausalLM.from_pretrained(folder).save_pretrained(base)
    (base / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(EngineError, match="no chat template"):
        TransformersEngine(base, {})


def test_code_of_a_folder_is_not_run_though_standard_input_says_yes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, mark = tmp_path / "own", tmp_path / "mark"
    shutil.copytree(folder, own)
    settings = json.loads((own / "config.json").read_text())
    classes = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (own / "config.json").write_text(json.dumps(settings | {"model_type": "own", "auto_map": classes}))
    (own / "own.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    said = io.StringIO("y\n" * 10)
    monkeypatch.setattr("sys.stdin", said)
    with pytest.raises(EngineError, match=r"code of its own.*trust_remote_code = true in parameters"):
        TransformersEngine(own, {})
    assert not mark.exists() and said.tell() == 0


def test_a_template_that_hangs_is_a_clear_error(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    (own / "chat_template.jinja").write_text(loop)
    with pytest.raises(ModelFileError, match="has a chat template that has not ended"):
        TransformersEngine(own, {})
