from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_COUNT: _ClassVar[Kind]
    KIND_SUM: _ClassVar[Kind]
    KIND_MEAN: _ClassVar[Kind]
    KIND_VARIANCE: _ClassVar[Kind]
    KIND_PROPORTION: _ClassVar[Kind]
    KIND_HISTOGRAM: _ClassVar[Kind]
    KIND_QUANTILES: _ClassVar[Kind]

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_DP: _ClassVar[Mode]
    MODE_SUPPRESSED: _ClassVar[Mode]

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_CENTRE: _ClassVar[Scope]
KIND_UNSPECIFIED: Kind
KIND_COUNT: Kind
KIND_SUM: Kind
KIND_MEAN: Kind
KIND_VARIANCE: Kind
KIND_PROPORTION: Kind
KIND_HISTOGRAM: Kind
KIND_QUANTILES: Kind
MODE_UNSPECIFIED: Mode
MODE_DP: Mode
MODE_SUPPRESSED: Mode
SCOPE_UNSPECIFIED: Scope
SCOPE_CENTRE: Scope

class Value(_message.Message):
    __slots__ = ("text", "number", "truth")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    text: str
    number: str
    truth: bool
    def __init__(self, text: _Optional[str] = ..., number: _Optional[str] = ..., truth: _Optional[bool] = ...) -> None: ...

class FieldName(_message.Message):
    __slots__ = ("table", "name")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    table: str
    name: str
    def __init__(self, table: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class Statistic(_message.Message):
    __slots__ = ("kind", "table", "variable", "by", "edges", "codes", "probabilities")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    kind: Kind
    table: str
    variable: FieldName
    by: _containers.RepeatedCompositeFieldContainer[FieldName]
    edges: _containers.RepeatedScalarFieldContainer[str]
    codes: _containers.RepeatedCompositeFieldContainer[Value]
    probabilities: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, kind: _Optional[_Union[Kind, str]] = ..., table: _Optional[str] = ..., variable: _Optional[_Union[FieldName, _Mapping]] = ..., by: _Optional[_Iterable[_Union[FieldName, _Mapping]]] = ..., edges: _Optional[_Iterable[str]] = ..., codes: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., probabilities: _Optional[_Iterable[str]] = ...) -> None: ...

class Cohort(_message.Message):
    __slots__ = ("all", "any", "negated", "one_of", "between", "missing")
    ALL_FIELD_NUMBER: _ClassVar[int]
    ANY_FIELD_NUMBER: _ClassVar[int]
    NEGATED_FIELD_NUMBER: _ClassVar[int]
    ONE_OF_FIELD_NUMBER: _ClassVar[int]
    BETWEEN_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    all: Parts
    any: Parts
    negated: Cohort
    one_of: OneOf
    between: Between
    missing: FieldName
    def __init__(self, all: _Optional[_Union[Parts, _Mapping]] = ..., any: _Optional[_Union[Parts, _Mapping]] = ..., negated: _Optional[_Union[Cohort, _Mapping]] = ..., one_of: _Optional[_Union[OneOf, _Mapping]] = ..., between: _Optional[_Union[Between, _Mapping]] = ..., missing: _Optional[_Union[FieldName, _Mapping]] = ...) -> None: ...

class Parts(_message.Message):
    __slots__ = ("parts",)
    PARTS_FIELD_NUMBER: _ClassVar[int]
    parts: _containers.RepeatedCompositeFieldContainer[Cohort]
    def __init__(self, parts: _Optional[_Iterable[_Union[Cohort, _Mapping]]] = ...) -> None: ...

class OneOf(_message.Message):
    __slots__ = ("field", "codes")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    field: FieldName
    codes: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, field: _Optional[_Union[FieldName, _Mapping]] = ..., codes: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class Between(_message.Message):
    __slots__ = ("field", "low", "high")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    field: FieldName
    low: str
    high: str
    def __init__(self, field: _Optional[_Union[FieldName, _Mapping]] = ..., low: _Optional[str] = ..., high: _Optional[str] = ...) -> None: ...

class ReleaseTerms(_message.Message):
    __slots__ = ("mode", "scope", "nano_rho", "delta")
    MODE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    mode: Mode
    scope: Scope
    nano_rho: str
    delta: str
    def __init__(self, mode: _Optional[_Union[Mode, str]] = ..., scope: _Optional[_Union[Scope, str]] = ..., nano_rho: _Optional[str] = ..., delta: _Optional[str] = ...) -> None: ...

class Query(_message.Message):
    __slots__ = ("statistic", "cohort", "release")
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    COHORT_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    statistic: Statistic
    cohort: Cohort
    release: ReleaseTerms
    def __init__(self, statistic: _Optional[_Union[Statistic, _Mapping]] = ..., cohort: _Optional[_Union[Cohort, _Mapping]] = ..., release: _Optional[_Union[ReleaseTerms, _Mapping]] = ...) -> None: ...

class SignedTerms(_message.Message):
    __slots__ = ("query", "query_id", "study", "analyst", "audience", "dictionary", "not_after_ms")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    QUERY_ID_FIELD_NUMBER: _ClassVar[int]
    STUDY_FIELD_NUMBER: _ClassVar[int]
    ANALYST_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    query: Query
    query_id: bytes
    study: str
    analyst: str
    audience: _containers.RepeatedScalarFieldContainer[str]
    dictionary: bytes
    not_after_ms: int
    def __init__(self, query: _Optional[_Union[Query, _Mapping]] = ..., query_id: _Optional[bytes] = ..., study: _Optional[str] = ..., analyst: _Optional[str] = ..., audience: _Optional[_Iterable[str]] = ..., dictionary: _Optional[bytes] = ..., not_after_ms: _Optional[int] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("terms", "signature")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    terms: bytes
    signature: bytes
    def __init__(self, terms: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...
