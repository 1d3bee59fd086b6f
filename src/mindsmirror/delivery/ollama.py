"""A GGUF file with what Ollama reads beside it: a `Modelfile`, and `template`, `system` and `params` for the hub.

Ollama has templates in Go's language, not in Jinja's. A chat template is rendered with marks in place of the texts, and
the pieces between them are put together in Go. Only templates that treat all turns alike can be written so; whether one
does is tried with whole conversations. https://docs.ollama.com/modelfile, https://huggingface.co/docs/hub/ollama
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror.errors import ModelFileError
from mindsmirror.system.files import write_text

Message = Mapping[str, str]


class Turn(NamedTuple):
    """What a template writes before and after a message of a role."""

    before: str
    after: str


class Template(NamedTuple):
    """A chat template in pieces."""

    start: str
    system: Turn
    user: Turn
    assistant: Turn
    default: str
    """The system message of a conversation that has none; empty if it then has no system turn."""

    def render(self, messages: Sequence[Message]) -> str:
        """A conversation, ready for the reply."""
        whole = list(messages)
        if self.default and (not whole or whole[0]["role"] != "system"):
            whole.insert(0, {"role": "system", "content": self.default})
        turns = {"system": self.system, "user": self.user, "assistant": self.assistant}
        written = [f"{turns[m['role']].before}{m['content']}{turns[m['role']].after}" for m in whole]
        return "".join([self.start, *written, self.assistant.before])

    @property
    def go(self) -> str:
        """The template in Go's language, as Ollama fills it."""
        user, assistant = self.user, self.assistant
        return (
            f"{self.start}{{{{ if .System }}}}{self.system.before}{{{{ .System }}}}{self.system.after}{{{{ end }}}}"
            f'{{{{ range .Messages }}}}{{{{ if eq .Role "user" }}}}{user.before}{{{{ .Content }}}}{user.after}'
            f'{{{{ else if eq .Role "assistant" }}}}{assistant.before}{{{{ .Content }}}}{assistant.after}'
            f"{{{{ end }}}}{{{{ end }}}}{assistant.before}"
        )


def read_template(tokenizer: Any) -> Template:
    """The pieces of a tokenizer's chat template; ModelFileError if it has none, or treats turns differently."""
    if not tokenizer.chat_template:
        raise ModelFileError("the student has no chat template, which Ollama needs. Export it with --to gguf.")
    marks = [f"\x02Text {number}\x03" for number in range(4)]
    roles = ("system", "user", "assistant", "user")
    asked = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
    try:
        whole = _rendered(tokenizer, asked)
        opening, rest = whole.split(marks[0])
        after_system, rest = rest.split(marks[1])
        after_user, rest = rest.split(marks[2])
        after_assistant, closing = rest.split(marks[3])
        plain = _rendered(tokenizer, asked[1:2])
        before_user = plain.split(marks[1])[0]
        found = _pieces(opening, after_system, after_user, after_assistant, closing, before_user)
    # A template raises what it likes for roles that it does not know.
    except Exception as error:
        raise ModelFileError(f"the student's chat template cannot be written for Ollama: {error}") from error
    for talk in (asked, asked[1:2], asked[1:4], asked[:2]):
        if found.render(talk) != _rendered(tokenizer, talk):
            raise ModelFileError(
                "the student's chat template treats turns differently, which is not written for Ollama."
            )
    if any("{{" in part or '"""' in part for part in (*found.system, *found.user, *found.assistant, found.default)):
        raise ModelFileError("the student's chat template holds signs that Ollama's templates cannot.")
    # Ollama puts the first token before a prompt itself if the file says so.
    first = tokenizer.bos_token
    if first and tokenizer("a").input_ids[:1] == [tokenizer.bos_token_id] and found.start.startswith(first):
        return found._replace(start=found.start.removeprefix(first))
    return found


def _pieces(
    opening: str, after_system: str, after_user: str, after_assistant: str, closing: str, before_user: str
) -> Template:
    """The template of which a conversation has these texts between its messages.

    Between two messages stand the end of one turn and the beginning of the next. What follows the last question ends
    a user's turn and begins a reply, and so does `after_user`: where they part is found by where turns begin alike.
    """
    if closing != after_user:
        raise ValueError("a reply begins otherwise where it is to be written")
    user = _common_end(after_system, after_assistant)
    start = _common_start(opening, before_user)
    found = []
    for cut in range(len(user) + 1):
        before = user[cut:]
        after = after_assistant.removesuffix(before)
        if after_user.startswith(after) and after_system.endswith(before):
            reply = after_user.removeprefix(after)
            # Turns begin alike, so of all places to part them the best has the most in common with the first turn.
            alike = len(_common_start(_common_start(before, reply), opening))
            end = after_system.removesuffix(before)
            found.append((alike, len(after), _with_default(start, opening, end, before, after, reply, before_user)))
    if not found:
        raise ValueError("its turns do not end alike")
    return max(found, key=lambda each: each[:2])[2]


def _with_default(
    start: str, opening: str, after_system: str, before_user: str, after: str, reply: str, plain: str
) -> Template:
    system = Turn(opening, after_system)
    default = ""
    if plain != before_user and plain.startswith(opening) and plain.endswith(after_system + before_user):
        default = plain.removeprefix(opening).removesuffix(after_system + before_user)
        start = ""
    elif plain.endswith(before_user):
        start = plain.removesuffix(before_user)
        system = Turn(opening.removeprefix(start), after_system)
    return Template(start, system, Turn(before_user, after), Turn(reply, after), default)


def _common_start(one: str, other: str) -> str:
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]


def _common_end(one: str, other: str) -> str:
    return _common_start(one[::-1], other[::-1])[::-1]


def _rendered(tokenizer: Any, messages: Sequence[Message]) -> str:
    text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    return text


def write_beside(folder: Path, file: str, template: Template, stop: str, context: int, licence: str) -> None:
    """Write `Modelfile`, `template`, `system` and `params` for the GGUF file of that name in the folder."""
    params = {"temperature": 0, "num_ctx": context, "stop": [stop]}
    lines = [f"FROM ./{file}", *(f"PARAMETER {name} {_value(value)}" for name, value in _flat(params))]
    lines.append(f'TEMPLATE """{template.go}"""')
    if template.default:
        lines.append(f'SYSTEM """{template.default}"""')
        write_text(folder / "system", template.default)
    lines.append(f'LICENSE """{licence}"""')
    write_text(folder / "Modelfile", "\n".join(lines) + "\n")
    write_text(folder / "template", template.go)
    write_text(folder / "params", json.dumps(params, indent=2) + "\n")


def _flat(params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A parameter that has several values is a line for each."""
    return [(name, each) for name, value in params.items() for each in (value if isinstance(value, list) else [value])]


def _value(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
