"""The part of JSON Schema that the recipe's schema uses: enough to hold recipes against it."""

from collections.abc import Iterator, Mapping
from typing import Any

NOTES = ("$schema", "$defs", "title", "description", "default", "format")
"""Keywords that refuse nothing."""
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}


def faults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """Every place of the value that the schema refuses. A keyword that is not known here is an error of the test."""
    for keyword, rule in schema.items():
        if keyword in NOTES or keyword in ("then", "additionalProperties"):
            continue
        yield from _KEYWORDS[keyword](value, rule, schema, root, where)


def _type(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
    if not isinstance(value, TYPES[rule]) or (isinstance(value, bool) and rule != "boolean"):
        yield f"{where}: no {rule}"


def _reference(value: Any, rule: str, schema: Any, root: Any, where: str) -> Iterator[str]:
    yield from faults(value, root["$defs"][rule.removeprefix("#/$defs/")], root, where)


def _properties(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in rule:
                yield from faults(inner, rule[key], root, f"{where}.{key}")
            elif schema.get("additionalProperties", True) is False:
                yield f"{where}.{key}: not known"


def _required(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
    yield from (f"{where}.{key}: missing" for key in rule if isinstance(value, dict) and key not in value)


def _items(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from faults(inner, rule, root, f"{where}.{number}")


def _any_of(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
    if all(list(faults(value, each, root)) for each in rule):
        yield f"{where}: fits none of {len(rule)}"


def _all_of(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
    for each in rule:
        yield from faults(value, each, root, where)


def _if(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
    if not list(faults(value, rule, root)):
        yield from faults(value, schema["then"], root, where)


def _enum(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
    if value not in rule:
        yield f"{where}: not one of {rule}"


def _bound(name: str) -> Any:
    def check(value: Any, rule: Any, schema: Any, root: Any, where: str) -> Iterator[str]:
        measured = len(value) if isinstance(value, str | list | tuple) else value
        outside = {
            "minimum": measured < rule,
            "exclusiveMinimum": measured <= rule,
            "maximum": measured > rule,
            "exclusiveMaximum": measured >= rule,
        }
        if outside[name]:
            yield f"{where}: {name} {rule}"

    return check


_KEYWORDS: Mapping[str, Any] = {
    "type": _type,
    "$ref": _reference,
    "properties": _properties,
    "required": _required,
    "items": _items,
    "anyOf": _any_of,
    "allOf": _all_of,
    "if": _if,
    "enum": _enum,
    "const": lambda value, rule, *rest: _enum(value, [rule], *rest),
    **{name: _bound(name) for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")},
    **{name: _bound("minimum") for name in ("minLength", "minItems")},
    **{name: _bound("maximum") for name in ("maxLength", "maxItems")},
}
