"""The JSON Schema of a recipe: what editors complete and check, and what `docs/reference/recipe.md` is written from.

Pydantic makes the schema of the tables, methods/arms.py that of an `[[arm]]`. Two things are added. `parameters` of a
`[[teacher]]` get the keys of its engine, and nothing may be null, because TOML has no null: an optional key is one that
may be left out. Rules that join several keys, such as a price for a cap in USD, are checked when the recipe is read; no
schema says them.
"""

import json
from pathlib import Path
from typing import Any

from mindsmirror.engines import engine_class, engine_names
from mindsmirror.runs.recipe import Recipe

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PUBLISHED = Path(__file__).with_name("recipe.schema.json")
"""The schema as it is shipped, with the engines and methods of this package only."""
Schema = dict[str, Any]


def recipe_schema() -> Schema:
    """The schema, with the engines and methods that are installed, those of other packages included."""
    schema: Schema = in_toml(Recipe.model_json_schema())
    tables: Schema = schema["$defs"]
    for engine in engine_names():
        own = in_toml(engine_class(engine).options.model_json_schema())
        tables.update(own.pop("$defs", {}))
        tables[options_name(engine)] = own
    tables["TeacherConfig"]["allOf"] = [_parameters_of(engine, tables) for engine in engine_names()]
    tables["TeacherConfig"]["properties"]["engine"]["enum"] = list(engine_names())
    return {"$schema": DIALECT, "title": "A recipe of Minds Mirror", **schema}


def as_text(schema: Schema) -> str:
    """The schema as it stands in a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def options_name(engine: str) -> str:
    """The name under which the schema holds the parameters of an engine."""
    return f"parameters_{engine}"


def _parameters_of(engine: str, tables: Schema) -> Schema:
    """The condition that a teacher of this engine has its parameters, also where `engine` is left out."""
    chosen: Schema = {"properties": {"engine": {"const": engine}}}
    if engine != tables["TeacherConfig"]["properties"]["engine"].get("default"):
        chosen["required"] = ["engine"]
    return {"if": chosen, "then": {"properties": {"parameters": {"$ref": f"#/$defs/{options_name(engine)}"}}}}


def in_toml(node: Any) -> Any:
    """A schema without null, and without the titles that pydantic makes of the keys."""
    if isinstance(node, list):
        return [in_toml(each) for each in node]
    if not isinstance(node, dict):
        return node
    # Only a default holds null itself: that of an optional key, alone or inside the default of its table.
    kept = {key: in_toml(value) for key, value in node.items() if value is not None}
    if isinstance(kept.get("title"), str):
        del kept["title"]
    if "anyOf" in kept:
        others = [each for each in kept.pop("anyOf") if each != {"type": "null"}]
        kept = {**(others[0] if len(others) == 1 else {"anyOf": others}), **kept}
    return kept
