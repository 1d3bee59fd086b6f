"""How an exported student is asked, as its card says it: what it is told, and code for the runtime that it is for."""

import json
from collections.abc import Iterator, Sequence

from mindsmirror.delivery.card_facts import CardFacts
from mindsmirror.delivery.fidelity import Fidelity
from mindsmirror.records import Tag
from mindsmirror.students.text import VERDICT_WORDS, user_turn


def how_to_ask(facts: CardFacts, to: str, found: Sequence[Fidelity]) -> Iterator[str]:
    """The lines of a card that say how the files of a student in one format are asked."""
    good = next((each for each in found if not each.failed), None)
    adapter = good.adapter if good is not None else None
    yield from _tasks(facts, judges_alone=adapter is None)
    yield from _snippet(facts, to, good.file if good is not None else "")
    if good is not None and facts.judging is not None and adapter is not None:
        yield ""
        yield from _judging_server(facts, good.file, adapter) if to == "gguf" else _judging_folder(facts, adapter)


def _tasks(facts: CardFacts, *, judges_alone: bool) -> Iterator[str]:
    """What it is told, and what it then does."""
    if facts.encoder_decoder:
        yield "Tag, colon, question: " + ", ".join(f"`{tag.value}: QUESTION`" for tag in facts.tags) + "."
        return
    yield "One user's turn: the question, an empty line, and the tag of what it is to do."
    yield ""
    for tag in facts.tags:
        what = "the reasoning and the answer" if tag is Tag.EXPLAIN else "the answer alone"
        yield f"- `{tag.value}`: {what}"
    if facts.judging is not None and judges_alone:
        yield f"- `{facts.judging.tag.value}`, as a turn of its own after its reply: whether that was correct"
    yield ""


def _judging_folder(facts: CardFacts, adapter: str) -> Iterator[str]:
    yield f"It judges with a low-rank adapter, the folder `{adapter}`, which works on the last tokens of what"
    yield "it reads and on none before them. Transformers alone loads the model without it, which answers and explains"
    yield "but was not taught to judge. Minds Mirror loads both:"
    yield from ["", "```python", "import mindsmirror", ""]
    yield f'reply = mindsmirror.load(".").ask({_question(facts)!r})'
    yield from ["print(reply.answer, reply.rationale, reply.verdict, reply.p_correct)", "```"]


def _judging_server(facts: CardFacts, file: str, adapter: str) -> Iterator[str]:
    """For llama.cpp: the adapter is off unless a request asks for it."""
    yield f"It judges with the adapter `{adapter}`, which works on the last tokens of what it reads. llama.cpp's server"
    yield "switches it on for the requests that ask for it, and judges rightly only one at a time:"
    yield ""
    yield "```sh"
    yield f"llama-server -m {file} --lora-scaled {adapter}:0 --parallel 1"
    request = json.dumps(verdict_body(facts, "RATIONALE"), indent=2, ensure_ascii=False)
    yield f"curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' -d '{request}'"
    yield "```"


def verdict_body(facts: CardFacts, rationale: str) -> dict[str, object]:
    """The body of a chat request to llama.cpp's server for the verdict on a rationale about the card's question."""
    assert facts.judging is not None
    tag = facts.judging.tag
    if facts.judging.sees_question:
        said = [("user", user_turn(Tag.EXPLAIN, _question(facts), None)), ("assistant", rationale), ("user", tag.value)]
    else:
        said = [("user", user_turn(tag, None, rationale))]
    return {
        "messages": [{"role": role, "content": text} for role, text in said],
        "lora": [{"id": 0, "scale": 1}],
        "grammar": "root ::= " + " | ".join(f'"{word}"' for word in VERDICT_WORDS),
        "temperature": 0,
    }


def _snippet(facts: CardFacts, to: str, file: str) -> Iterator[str]:
    asked = user_turn(facts.tags[-1], _question(facts), None)
    yield ""
    if to == "ollama":
        yield from ["```sh", "ollama create student -f Modelfile", f"ollama run student '{asked}'", "```"]
    elif to == "gguf":
        yield from ["```sh", f"llama-cli -m {file} --temp 0 -p '{asked}'", "```"]
    elif to == "openvino":
        yield from ["```python", "import openvino_genai", ""]
        yield 'print(openvino_genai.LLMPipeline(".", "CPU").generate('
        yield f"    {asked!r}, max_new_tokens=200))"
        yield "```"
    elif to == "onnx":
        yield from _transformers_js(asked)
    elif to == "safetensors":
        yield from _transformers(facts, asked)


def _transformers(facts: CardFacts, asked: str) -> Iterator[str]:
    if facts.encoder_decoder:
        return
    yield from [
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForCausalLM.from_pretrained(".")',
        f'asked = [{{"role": "user", "content": {asked!r}}}]',
        'settings = {"add_generation_prompt": True, "return_tensors": "pt", "return_dict": True}',
        "read = tokenizer.apply_chat_template(asked, **settings)",
        "written = model.generate(**read, do_sample=False, max_new_tokens=200)",
        'print(tokenizer.decode(written[0, read["input_ids"].shape[1]:], skip_special_tokens=True))',
        "```",
    ]


def _transformers_js(asked: str) -> Iterator[str]:
    yield from ["With transformers.js; onnxruntime-genai loads the folder, too.", "", "```js"]
    yield from ['import { pipeline } from "@huggingface/transformers";', ""]
    yield 'const student = await pipeline("text-generation", "./");'
    yield f'const asked = [{{ role: "user", content: {json.dumps(asked, ensure_ascii=False)} }}];'
    yield "const replies = await student(asked, { do_sample: false, max_new_tokens: 200 });"
    yield from ["console.log(replies[0].generated_text.at(-1).content);", "```"]


def _question(facts: CardFacts) -> str:
    """A question of the task, within quotation marks of a shell."""
    text = next((example.text for example in (*facts.task.splits.test, *facts.task.splits.valid)), "QUESTION")
    return text.replace("'", "’").replace("\\", "")
