"""A Modelfile is read back by its documented grammar, and its template writes what the student's own does."""

import json
import re
from pathlib import Path
from typing import Any

import exported
import pytest
import tiny
import tiny_gguf

from mindsmirror.delivery.ollama import read_template
from mindsmirror.delivery.student import write_student
from mindsmirror.errors import ModelFileError

INSTRUCTION = re.compile(
    r"(?P<name>FROM|PARAMETER|TEMPLATE|SYSTEM|ADAPTER|LICENSE|MESSAGE)[ \t]+"
    r'(?:"""(?P<long>.*?)"""|(?P<short>[^\n]*))\n',
    re.DOTALL | re.IGNORECASE,
)
"""https://docs.ollama.com/modelfile: `INSTRUCTION arguments`, several lines between three quotation marks."""
PARAMETERS = {"temperature": float, "num_ctx": int, "stop": str}
PLAIN = "{% for m in messages %}[{{ m.role }}]{{ m.content }}[/]{% endfor %}" + (
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
NAMED = "{% if messages[0].role != 'system' %}<|im_start|>system\nBe brief.<|im_end|>\n{% endif %}" + tiny_gguf.TEMPLATE
LLAMA_3 = (
    "{{ bos_token }}{% for m in messages %}<|h|>{{ m.role }}<|/h|>\n\n{{ m.content }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|h|>assistant<|/h|>\n\n{% endif %}"
)


def read(text: str) -> list[tuple[str, str]]:
    """Instructions and arguments; fails where something is left that is no instruction."""
    found, place = [], 0
    while place < len(text):
        match = INSTRUCTION.match(text, place)
        assert match, text[place:][:80]
        found.append((match["name"].upper(), match["long"] if match["long"] is not None else match["short"]))
        place = match.end()
    return found


def filled(template: str, messages: list[dict[str, str]], system: str) -> str:
    """What Go makes of a template of the few actions that are used (text/template)."""
    tokens = re.split(r"(\{\{.*?\}\})", template)
    said = [m for m in messages if m["role"] != "system"]
    system = next((m["content"] for m in messages if m["role"] == "system"), system)
    top, loop, after = [list[str](), list[str](), list[str]()]
    part, depth = top, 0
    for token in tokens:
        if token == "{{ range .Messages }}":
            part, depth = loop, 1
        elif part is loop and token.startswith("{{ if"):
            depth += 1
            part.append(token)
        elif part is loop and token == "{{ end }}":
            depth -= 1
            part = after if depth == 0 else part
            part.append("" if depth == 0 else token)
        else:
            part.append(token)
    text = "".join(_if(top, {"{{ if .System }}": bool(system)}, {"{{ .System }}": system}))
    for message in said:
        conditions = {
            '{{ if eq .Role "user" }}': message["role"] == "user",
            '{{ else if eq .Role "assistant" }}': message["role"] == "assistant",
        }
        text += "".join(_if(loop, conditions, {"{{ .Content }}": message["content"]}))
    return text + "".join(after)


def _if(tokens: list[str], conditions: dict[str, bool], values: dict[str, str]) -> list[str]:
    shown, out = True, []
    for token in tokens:
        if token in conditions:
            shown = conditions[token]
        elif token == "{{ end }}":
            shown = True
        elif shown:
            out.append(values.get(token, token))
    assert not any(token.startswith("{{") for token in out), out
    return out


@pytest.mark.parametrize("template", [tiny_gguf.TEMPLATE, NAMED, PLAIN, LLAMA_3])
def test_gos_template_writes_what_jinjas_does(template: str) -> None:
    tokenizer = tiny.tokenizer(template)
    found = read_template(tokenizer)
    system = {"role": "system", "content": "Speak."}
    talk = [
        {"role": "user", "content": "How many {legs}?\n\nexplain"},
        {"role": "assistant", "content": "Eight. The answer is 8."},
        {"role": "user", "content": "verdict"},
    ]
    for messages in (talk[:1], talk, [system, *talk], [system, talk[0]]):
        expected = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert found.render(messages) == expected
        assert filled(found.go, messages, found.default) == expected


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "no chat template"),
        (tiny.TEMPLATE, "reply begins otherwise"),
        ("{% for m in messages %}{{ m.content | upper }}{% endfor %}", "cannot be written"),
        ("{{ raise_exception('no') }}", "cannot be written"),
        (PLAIN.replace("[/]", '"""'), "signs"),
        (PLAIN.replace("[/]", "{{ '{{' }}"), "signs"),
    ],
)
def test_a_template_that_go_would_fill_otherwise_is_refused(template: str | None, said: str) -> None:
    with pytest.raises(ModelFileError, match=said):
        read_template(tiny.tokenizer(template))


def test_the_folder_is_what_ollama_and_the_hub_read(tmp_path: Path) -> None:
    folder = exported.student_folder(tmp_path)
    (found,) = write_student(
        exported.source(folder), "ollama", ["q8_0"], tmp_path / "out", exported.trained(folder), exported.card
    )
    out = tmp_path / "out"
    assert found.failed == ()
    instructions = read((out / "Modelfile").read_text())
    by_name: dict[str, Any] = dict(instructions)
    assert [name for name, _ in instructions].count("FROM") == 1
    assert (out / by_name["FROM"]).is_file()
    assert by_name["LICENSE"] == "apache-2.0"
    assert by_name["TEMPLATE"] == (out / "template").read_text()
    params = json.loads((out / "params").read_text())
    assert params == {"temperature": 0, "num_ctx": 512, "stop": ["<|im_end|>"]}
    written = [value.split(" ", 1) for name, value in instructions if name == "PARAMETER"]
    assert {name: PARAMETERS[name](value.strip('"')) for name, value in written} == params | {"stop": "<|im_end|>"}
    # The tiny student's template writes no system message of its own.
    assert "SYSTEM" not in by_name
    assert not (out / "system").exists()
