"""The `[[arm]]` tables of a recipe: each is checked by the settings of its own method.

A recipe's field has the type `Arm`. Its JSON schema has the keys of each method that is installed.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from mindsmirror.errors import MindsMirrorError
from mindsmirror.methods.base import ArmConfig
from mindsmirror.methods.registry import BUILT_IN, method_named, method_names
from mindsmirror.system.validation import keys_at


def read_arm(values: Any) -> ArmConfig:
    """An arm with the settings of its method; an arm that has them already is taken as it is.

    Raises UnknownNameError for a method that there is not, and pydantic's ValidationError for settings that are wrong:
    a key that the method does not have is told together with the keys that it has.
    """
    if isinstance(values, ArmConfig):
        return values if type(values) is method_named(values.method).settings else read_arm(dict(values))
    if not isinstance(values, Mapping) or not isinstance(values.get("method"), str):
        return ArmConfig.model_validate(_common(values))
    name: str = values["method"]
    settings = method_named(name).settings
    strangers = [key for key in values if key not in settings.model_fields]
    if strangers:
        raise _unknown(settings, [((key,), values[key], _stranger(key, values, settings)) for key in strangers])
    try:
        return settings.model_validate(values)
    except ValidationError as error:
        nested = [found for found in error.errors() if found["type"] == "extra_forbidden"]
        if not nested:
            raise
        faults = [(each["loc"], each["input"], _nested(each["loc"], settings)) for each in nested]
        raise _unknown(settings, faults) from error


class _ByMethod:
    """Tells pydantic to check, and to describe, an arm by the settings of its method."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(read_arm)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        known = {name: keys for name in method_names() if (keys := _described(name, handler)) is not None}
        base = handler.resolve_ref_schema(handler(ArmConfig.__pydantic_core_schema__))
        return {
            "type": "object",
            "description": "One method with its settings. Each method has keys of its own.",
            "properties": {**base["properties"], "method": {**base["properties"]["method"], "enum": list(known)}},
            "required": base["required"],
            "allOf": [
                {"if": {"properties": {"method": {"const": name}}, "required": ["method"]}, "then": keys}
                for name, keys in known.items()
            ],
        }


Arm = Annotated[ArmConfig, _ByMethod]
"""An arm in a model of pydantic's."""


def _described(name: str, handler: GetJsonSchemaHandler) -> JsonSchemaValue | None:
    """The JSON schema of a method's settings; None if it is another package's and cannot be loaded."""
    try:
        settings = method_named(name).settings
    except MindsMirrorError:
        return None
    return handler.resolve_ref_schema(handler(settings.__pydantic_core_schema__))


def _common(values: Any) -> Any:
    """The values without the keys that some method has: which of them are right cannot be said without the method."""
    if not isinstance(values, Mapping):
        return values
    some = {key for name in BUILT_IN for key in method_named(name).settings.model_fields}
    return {key: value for key, value in values.items() if key in ArmConfig.model_fields or key not in some}


def _unknown(settings: type[ArmConfig], found: Sequence[tuple[tuple[int | str, ...], Any, str]]) -> ValidationError:
    """Faults as (place, value, words) as an error of pydantic's."""
    errors: list[InitErrorDetails] = [
        {"type": PydanticCustomError("unknown_setting", "{fault}", {"fault": fault}), "loc": loc, "input": value}
        for loc, value, fault in found
    ]
    return ValidationError.from_exception_data(settings.__name__, errors)


def _stranger(key: str, values: Mapping[str, Any], settings: type[ArmConfig]) -> str:
    """What to say of a key that an arm's method does not have."""
    method, known = values["method"], list(settings.model_fields)
    readers = [name for name in method_names() if name != method and key in _keys(name)]
    arm = f"(arm {values['name']!r})" if isinstance(values.get("name"), str) else "(an arm without a name)"
    if readers:
        what = f"method {method!r} {arm} does not read it; it is a key of {', '.join(readers)}. Remove it."
    else:
        what = f"method {method!r} has no key {key!r} {arm}.{_nearest(key, known)}"
    return f"{what} Keys of {method!r}: {', '.join(known)}."


def _nested(loc: tuple[int | str, ...], settings: type[ArmConfig]) -> str:
    """What to say of a key that a table inside an arm does not have."""
    known = keys_at(settings, loc[:-1])
    return f"there is no key {loc[-1]!r} here.{_nearest(str(loc[-1]), known)} Known here: {', '.join(known)}."


def _nearest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _keys(method: str) -> tuple[str, ...]:
    """The keys of a method; none of one that another package brings and that cannot be loaded."""
    try:
        return tuple(method_named(method).settings.model_fields)
    except MindsMirrorError:
        return ()
