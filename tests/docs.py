"""The documents taken apart: their fenced blocks, their tables, and the commands that they show."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LAUNCHERS = {
    "accelerate": ("launch", "-m"),
    "torchrun": ("-m",),
}
"""Programs that start `mindsmirror` as a module, and the words that lead to its name."""


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    path: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks(language: str, *paths: Path) -> list[Block]:
    """The fenced blocks in a language, of all documents if none is named."""
    found = []
    for path in paths or DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            if match[1] == language:
                found.append(Block(path, text.count("\n", 0, match.start()) + 1, language, match[2]))
    return found


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a shell block, without prompts, comments and what is not typed."""
    lines = text.replace("\\\n", " ").splitlines()
    typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    for line in typed or lines:
        words = shlex.split(line, comments=True)
        if words:
            yield words


def inline_commands(path: Path) -> Iterator[list[str]]:
    """The words of each piece of running text in code type that begins with `mindsmirror `."""
    for text in INLINE.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        if text.startswith("mindsmirror "):
            yield text.split()


def verb_and_arguments(words: list[str]) -> tuple[str, list[str]] | None:
    """What `mindsmirror` is called with, by whatever program it is started; None for other commands."""
    if words[0] == "mindsmirror":
        rest = words[1:]
    elif words[0] in LAUNCHERS and "mindsmirror" in words:
        rest = words[words.index("mindsmirror") + 1 :]
    else:
        return None
    return (rest[0], rest[1:]) if rest else None


def table(path: Path, *header: str) -> list[tuple[str, ...]]:
    """The rows below the one header of that kind."""
    lines = path.read_text(encoding="utf-8").splitlines()
    below = lines[lines.index(f"| {' | '.join(header)} |") + 2 :]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in takewhile(_is_row, below)]


def _is_row(line: str) -> bool:
    return line.startswith("|")
