"""A device that is not there: tensors that claim to be on it are computed on the processor, and mixing raises.

PyTorch's `meta` device has no values, and a model that writes needs them. Here a tensor on the device is a wrapper
around one on the processor. As on a GPU, an operation on tensors of both places fails, and values come back only where
the code asks for them (`.to("cpu")`, `.tolist()`, `int(…)`).
"""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

NAME = "meta"
"""What the device is called: a type that PyTorch lets nobody compute on, so that nothing is missed."""
DEVICE = torch.device(NAME)
Modes: Any = TorchDispatchMode
Functions: Any = TorchFunctionMode


class There(torch.Tensor):
    """A tensor on the device; `here` are its values."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> "There":
        make: Any = torch.Tensor._make_wrapper_subclass
        # Never an inference tensor: views under inference mode are made of tensors from before it.
        with torch.inference_mode(False):
            made: There = make(cls, here.shape, dtype=here.dtype, strides=here.stride(), device=DEVICE)
        made.here = here
        return made

    def tolist(self) -> Any:
        """The values, on the processor."""
        return self.here.tolist()

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return computed(function, args, dict(kwargs or {}))


class _Operations(Modes):  # type: ignore[misc]
    def __torch_dispatch__(self, function: Any, _types: Any, given: Any = (), named: Any = None) -> Any:
        return computed(function, given, dict(named or {}))


class PretendGPU(Functions):  # type: ignore[misc]
    """While it lasts, `DEVICE` can be used."""

    def __enter__(self) -> Any:
        self._operations = _Operations()
        self._operations.__enter__()
        return super().__enter__()

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)
        self._operations.__exit__(*raised)

    def __torch_function__(self, function: Any, _types: Any, given: Any = (), named: Any = None) -> Any:
        """Makes here, and moves, what PyTorch makes of Python's numbers without an operation that shows it."""
        named = dict(named or {})
        if function is torch.tensor and torch.device(named.get("device") or "cpu").type == NAME:
            return torch.tensor(*given, **named | {"device": "cpu"}).to(DEVICE)
        if function is torch.Tensor.__getitem__:
            tensor, index = given
            index = tuple(map(_index, index)) if isinstance(index, tuple) else _index(index)
            given = tensor, index
        return function(*given, **named)


def computed(function: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """What the operation gives, where its tensors are."""
    if torch.is_inference_mode_enabled():
        # Here operations that are made of others come as they are.
        with _Operations():
            parts = function.decompose(*given, **named)
        if parts is not NotImplemented:
            return parts
    leaves = [leaf for leaf in tree_flatten((given, named))[0] if isinstance(leaf, torch.Tensor)]
    name, there = function._schema.name, [leaf for leaf in leaves if isinstance(leaf, There)]
    if any(leaf.device.type == NAME and not isinstance(leaf, There) for leaf in leaves):
        raise NotImplementedError(f"{name}: a tensor was made on {DEVICE} in a way that is not pretended")
    # A GPU takes numbers and indices from the processor, too.
    strangers = [leaf for leaf in leaves if leaf.device.type != NAME and leaf.dim() > 0]
    if there and strangers and name != "aten::copy_" and not name.startswith("aten::index"):
        raise RuntimeError(f"{name}: tensors of {DEVICE} and of the processor")
    target = named.get("device")
    if target is not None:
        named["device"] = torch.device("cpu")
    result = function(*tree_map(_values, given), **tree_map(_values, named))
    ends_there = bool(there) if target is None else torch.device(target).type == NAME
    if name.endswith("_"):
        return given[0]
    return (
        tree_map(lambda leaf: There(leaf) if isinstance(leaf, torch.Tensor) else leaf, result) if ends_there else result
    )


def _index(part: Any) -> Any:
    return torch.tensor(part) if isinstance(part, list) else part


def _moved(leaf: Any) -> Any:
    return There(leaf) if isinstance(leaf, torch.Tensor) else leaf


def _values(leaf: Any) -> Any:
    return leaf.here if isinstance(leaf, There) else leaf
