"""`docs/reference/recipe.md`: every table and key of a recipe, from its schema; engines, methods and tasks."""

import json
from collections.abc import Iterator
from typing import Any

from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.engines import engine_class, engine_names
from mindsmirror.methods import method_named
from mindsmirror.reference.markdown import code, page, sentence, table
from mindsmirror.runs.schema import PUBLISHED, Schema, in_toml, options_name
from mindsmirror.tasks import task_descriptions

BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "not empty",
    "maxLength": "at most {} characters",
    "minItems": "not empty",
    "maxItems": "at most {} entries",
}
"""Keywords of JSON Schema, in words. The shortest text or list that a recipe asks for has one entry."""
PLURAL = {"whole number": "whole numbers", "text": "texts", "number": "numbers", "table": "tables"}
HEADER = ("key", "type", "default", "bounds", "what it says")
OPENING = f"""
A recipe is one TOML file. A key without a default must be given; one whose default is *none* may be left out. The guide
has [a recipe with every key](../guide/recipe.md#every-key-of-a-recipe) and the reasons.

The package holds the same as a JSON Schema, `mindsmirror/runs/{PUBLISHED.name}`. `mindsmirror schema` prints it with
the engines and methods of other installed packages. Editors that use Taplo (Even Better TOML) complete and check keys
by it if the first line of a recipe is `#:schema PATH`.
""".strip()


PROMPTS = """
`[annotation] prompts` names a file of your own, such as `recipes/prompts/leg_counting.toml` of this
package. Without it the set for the task's kind of answer is taken.
""".strip()


def recipe_page(schema: Schema) -> str:
    """The document, from the schema of `recipe_schema`."""
    top = {key: _resolved(node, schema) for key, node in schema["properties"].items()}
    tables = {key: _resolved(node.get("items", node), schema) for key, node in top.items()}
    loose = {key: node for key, node in top.items() if "properties" not in tables[key]}
    parts = [OPENING, "## Before all tables", _keys({**schema, "properties": loose}, schema)]
    for key, node in tables.items():
        if key not in loose:
            title = f"## `[[{key}]]`" if top[key].get("type") == "array" else f"## `[{key}]`"
            parts += [title, _about(node), _keys(node, schema)]
    parts += ["## Engines", "`[[teacher]] parameters` holds the keys of the teacher's engine."]
    for engine in engine_names():
        keys = _keys(schema["$defs"][options_name(engine)], schema)
        parts += [f"### `{engine}`", sentence(engine_class(engine).description()), keys or "It has no parameters."]
    parts += ["## Methods", "A method has the keys of every `[[arm]]`, and these. Another method's key is an error."]
    for name, own in _method_keys(tables["arm"]).items():
        method = method_named(name)
        about = f"{sentence((type(method).__doc__ or '').splitlines()[0])} It needs {method.needs.words}."
        parts += [f"### `{name}`", about, _keys({"properties": own}, schema) or "It has no keys of its own."]
    parts += ["## Tasks", table(("task", "what it asks"), [(code(n), text) for n, text in task_descriptions().items()])]
    prompts = in_toml(PromptSet.model_json_schema())
    parts += ["## A prompt set", PROMPTS, _keys(prompts, prompts)]
    for key, node in prompts["properties"].items():
        if node.get("type") == "array":
            shot = _resolved(node["items"], prompts)
            parts += [f"### `[[{key}]]`", _about(shot), _keys(shot, prompts)]
    return page("Recipe", *parts)


def _method_keys(arm: Schema) -> dict[str, Schema]:
    """The keys that each method has beside those of every arm."""
    return {
        each["if"]["properties"]["method"]["const"]: {
            key: node for key, node in each["then"]["properties"].items() if key not in arm["properties"]
        }
        for each in arm["allOf"]
    }


def _about(node: Schema) -> str:
    """The docstring of a table, without the words that say which table it is."""
    text: str = node.get("description", "")
    first, colon, rest = text.partition(": ")
    if first.endswith("table of a recipe") and colon:
        text = rest
    return "" if text.endswith("table of a recipe.") else sentence(text)


def _keys(node: Schema, schema: Schema, prefix: str = "") -> str:
    return table(HEADER, _rows(node, schema, prefix))


def _rows(node: Schema, schema: Schema, prefix: str = "") -> Iterator[tuple[str, ...]]:
    required = node.get("required", ())
    for key, unresolved in node["properties"].items():
        found = _resolved(unresolved, schema)
        inner = found.get("properties") and found
        default = "" if key in required else _default(found)
        about = unresolved.get("description") or ("" if inner else found.get("description", ""))
        yield code(prefix + key), _type(found, schema), default, _bounds(found), about
        if inner:
            yield from _rows(inner, schema, f"{prefix}{key}.")


def _default(node: Schema) -> str:
    """The default of a key that may be left out; that of a table only where its own keys do not say it."""
    default = node.get("default")
    own = {key: inner["default"] for key, inner in node.get("properties", {}).items() if "default" in inner}
    if own and default == own:
        return ""
    return "*none*" if default is None or default == {} else _value(default)


def _resolved(node: Schema, schema: Schema) -> Schema:
    """The node with what its reference leads to."""
    if "$ref" not in node:
        return node
    name = node["$ref"].rpartition("/")[2]
    return {**schema["$defs"][name], **{key: value for key, value in node.items() if key != "$ref"}}


def _type(node: Schema, schema: Schema) -> str:
    """The kind of a value in TOML's words."""
    if "const" in node:
        return _value(node["const"])
    if "enum" in node:
        return " or ".join(map(_value, node["enum"]))
    if "anyOf" in node:
        return " or ".join(_type(_resolved(each, schema), schema) for each in node["anyOf"])
    if node.get("type") == "array":
        items = _resolved(node.get("items", {}), schema)
        return f"list of {PLURAL.get(_type(items, schema), _type(items, schema))}"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    if node.get("format") == "path":
        return "path"
    return words.get(node.get("type", ""), "table")


def _bounds(node: Schema) -> str:
    """The smallest and the largest value, or how long it may be."""
    return ", ".join(words.format(_number(node[key])) for key, words in BOUNDS.items() if key in node)


def _number(value: float) -> str:
    if abs(value) >= 1e16:
        return f"{value:g}"
    return f"{int(value):,}" if float(value).is_integer() else str(value)


def _value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return code("{ " + ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items()) + " }")
    return code(json.dumps(value, ensure_ascii=False))
