"""What is wrong with a value, in a user's words: pydantic's errors without its patterns and types."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from mindsmirror import limits

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

WORDS: Mapping[str, str] = {
    "string_type": "must be a text in quotes",
    "path_type": "must be a path in quotes",
    "string_unicode": "must be a text of whole characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number with fewer digits",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list in square brackets",
    "list_type": "must be a list in square brackets",
    "dict_type": "must be a table of keys and values",
    "model_type": "must be a table of keys and values",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}
"""By pydantic's type of error. What the value is instead is added to each."""

LONGEST_SHOWN = 60
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def _named(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    like = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.") or "mine-2"
    raise ValueError(
        "must begin with a letter or digit and hold only letters (a to z), digits, '-', '_' and '.': "
        f"{_shown(name)} does not, {like!r} would"
    )


Name = Annotated[str, Field(max_length=limits.NAME), AfterValidator(_named)]
"""A name that is also that of a folder."""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first fault with its key; an unknown key suggests the nearest key of the `model`."""
    # A misspelt key may be reported twice, as a stranger and as missing: the stranger shows the mistake.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    loc = first["loc"]
    key = ".".join(str(part) for part in loc)
    if first["type"] == "extra_forbidden":
        known = keys_at(model, loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"there is no key {key!r}.{hint} Known here: {', '.join(sorted(known))}."
    if first["type"] == "missing":
        return f"the key {key!r} is missing."
    return f"{key}: {in_words(first)}" if key else in_words(first)


def in_words(error: "ErrorDetails") -> str:
    """The fault without its key."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("string_too_short", "too_short"):
        least = context["min_length"]
        return "must not be empty" if least == 1 else f"must have at least {least} entries"
    if kind == "tuple_type" and isinstance(error["input"], Mapping):
        return f"must be a list: write the table's header in double brackets, [[{error['loc'][-1]}]]"
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known"
    if kind in WORDS:
        figures = {name: _figure(value) for name, value in context.items()}
        return f"{WORDS[kind].format(**figures)}, not {_shown(error['input'])}"
    return error["msg"].removeprefix("Value error, ")


def _figure(value: Any) -> str:
    """A bound in plain digits: 1000000 and 0.5, not 1e+06 and 1.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def keys_at(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The keys that the table at a place of the model may have."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            inner = _table(model.model_fields[part].annotation)
            if inner is None:
                return []
            model = inner
    return list(model.model_fields)


def _table(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _table(inner))), None)
