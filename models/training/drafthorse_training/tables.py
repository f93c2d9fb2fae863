"""Tables of a TOML file to dataclasses. A key that nobody knows is an error."""

import dataclasses
import tomllib
import types
import typing
from pathlib import Path


class ConfigError(ValueError):
    """A configuration or folder that cannot be used; the message says what to change."""


def read(kind, path: str | Path):
    """The dataclass `kind` from a TOML file. Raises ConfigError with the key at fault."""
    with open(path, "rb") as file:
        return build(kind, tomllib.load(file))


def build(kind, value, where: str = "the configuration"):
    """The dataclass, list or plain value `kind` from a table's value."""
    if isinstance(kind, types.GenericAlias) or typing.get_origin(kind) is list:
        (item,) = typing.get_args(kind)
        if not isinstance(value, list):
            raise ConfigError(f"{where} should be a list")
        return [build(item, v, f"{where}[{i}]") for i, v in enumerate(value)]
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ConfigError(f"{where} should be a table")
        hints = typing.get_type_hints(kind)
        unknown, missing = sorted(value.keys() - hints.keys()), sorted(hints.keys() - value.keys())
        if unknown or missing:
            raise ConfigError(f"{where}: unknown keys {unknown}, missing keys {missing}")
        return kind(**{name: build(hint, value[name], f"{where}.{name}") for name, hint in hints.items()})
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{where} should be {kind.__name__}, not {value!r}")
    return value
