"""Many examples in little memory: a million short questions take some 200 MB; as objects they take over 1 GB."""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from mindsmirror.records import Example


class Packed(Sequence[Example]):
    """Examples whose `extra` came from JSON, kept as JSON; every access makes a new object."""

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])
        for example in examples:
            self.append(example)

    def append(self, example: Example) -> None:
        """Add one at the end."""
        fields = (example.id, example.text, example.choices, example.gold, example.extra)
        self._bytes += json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> "Packed": ...

    def __getitem__(self, index: int | slice) -> "Example | Packed":
        places = range(len(self))[index]
        return self._at(places) if isinstance(places, int) else Packed(map(self._at, places))

    def __iter__(self) -> Iterator[Example]:
        return map(self._at, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packed) and (self._ends, self._bytes) == (other._ends, other._bytes)

    def __hash__(self) -> int:
        raise TypeError("examples that can be added to have no hash")

    def _at(self, place: int) -> Example:
        packed = self._bytes[self._ends[place] : self._ends[place + 1]]
        identity, text, choices, gold, extra = json.loads(packed.decode("utf-8", "surrogatepass"))
        return Example(id=identity, text=text, choices=choices, gold=gold, extra=extra)
