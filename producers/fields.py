"""What each field of an event wants, read off the allow-list itself, so that mappings cannot drift from it."""

from functools import lru_cache
from typing import Literal, NamedTuple

from msgspec import inspect

from domain.event_types import EVENT_TYPES

FieldKind = Literal[
    "time", "count", "flag", "choice", "code", "officer", "counts", "codes", "result_files", "components", "other"
]


class Field(NamedTuple):
    """One field: how a cell becomes its value; `choices` are the words allowed where `kind` is 'choice'."""

    kind: FieldKind
    choices: frozenset[str] = frozenset()


@lru_cache(maxsize=256)
def fields_of(event_type: str) -> dict[str, Field]:
    """The fields of an event type under their wire names."""
    info = inspect.type_info(EVENT_TYPES[event_type].data)
    assert isinstance(info, inspect.StructType)
    return {f.encode_name: _field(f.encode_name, f.type) for f in info.fields}


def field_names(event_types: frozenset[str]) -> frozenset[str]:
    """All fields that at least one of the types has."""
    return frozenset(name for t in event_types for name in fields_of(t))


def _field(name: str, kind: inspect.Type) -> Field:
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    one = next((k for k in kinds if not isinstance(k, inspect.NoneType)), kind)
    match one:
        case inspect.DateTimeType():
            return Field("time")
        case inspect.BoolType():
            return Field("flag")
        case inspect.IntType():
            return Field("count")
        case inspect.LiteralType():
            return Field("choice", frozenset(str(v) for v in one.values))
        case inspect.StrType():
            return Field("officer" if name in ("officer", "applicant") else "code")
        case inspect.VarTupleType(item_type=inspect.IntType()):
            return Field("counts")
        case inspect.VarTupleType(item_type=inspect.StrType()):
            return Field("codes")
        case inspect.VarTupleType() if name in ("result_files", "components"):
            return Field("result_files" if name == "result_files" else "components")
    return Field("other")
