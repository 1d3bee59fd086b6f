"""Renders a chat template in a process of its own, whose time and memory are bounded: a template is a program.

This file is run by its path and imports nothing of the package, so that it starts at once. It reads
{"template", "seconds", "bytes"} from standard input and ends with 0 if the template came to an end, well or badly, or
with one of the codes below; a template that does not end is killed by the system.
"""

import json
import resource
import sys
from typing import Any

MEMORY, LENGTH = 3, 4
"""Exit codes: it took too much memory; what it wrote was too long."""
LONGEST = 1_000_000
"""Characters of what it may write of a conversation of four words."""
TURNS = (("system", "Be brief."), ("user", "One?"), ("assistant", "Two."), ("user", "Three?"))
CONVERSATIONS = (TURNS[1:2], TURNS[:2], TURNS[1:], TURNS)


def main() -> int:
    """Render it of several short conversations."""
    given = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (given["seconds"], given["seconds"]))
    resource.setrlimit(resource.RLIMIT_AS, (given["bytes"], given["bytes"]))
    try:
        return _render(given["template"])
    except MemoryError:
        return MEMORY
    except Exception:
        # What is wrong with it is said where it is used, by whoever renders it there.
        return 0


def _render(text: str) -> int:
    template = _compiled(text)
    for turns in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in turns]
        try:
            written = template.render(messages=messages, add_generation_prompt=True, bos_token="", eos_token="")
        except MemoryError:
            raise
        except Exception:
            # One that refuses system texts may still hang at other conversations.
            continue
        if len(written) > LONGEST:
            return LENGTH
    return 0


def _compiled(text: str) -> Any:
    """The template in a sandbox like that of Transformers."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}` marks what the assistant writes; nothing is made of it here."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body).set_lineno(line)

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **_: json.dumps(value)
    environment.globals |= {"raise_exception": refuse, "strftime_now": lambda form: form}
    return environment.from_string(text)


if __name__ == "__main__":
    sys.exit(main())
