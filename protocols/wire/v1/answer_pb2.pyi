from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReleasedBlock(_message.Message):
    __slots__ = ("name", "l2_squared", "sigma", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    L2_SQUARED_FIELD_NUMBER: _ClassVar[int]
    SIGMA_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    l2_squared: str
    sigma: float
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., l2_squared: _Optional[str] = ..., sigma: _Optional[float] = ..., values: _Optional[_Iterable[int]] = ...) -> None: ...

class SuppressedTable(_message.Message):
    __slots__ = ("minimum", "rounding", "cells")
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    ROUNDING_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    minimum: int
    rounding: int
    cells: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, minimum: _Optional[int] = ..., rounding: _Optional[int] = ..., cells: _Optional[_Iterable[int]] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("centre", "question", "dictionary", "snapshot", "snapshot_at_ms", "released_at_ms", "template_version", "nano_rho", "cap", "blocks", "table")
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_AT_MS_FIELD_NUMBER: _ClassVar[int]
    RELEASED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    centre: str
    question: bytes
    dictionary: bytes
    snapshot: bytes
    snapshot_at_ms: int
    released_at_ms: int
    template_version: int
    nano_rho: str
    cap: int
    blocks: _containers.RepeatedCompositeFieldContainer[ReleasedBlock]
    table: SuppressedTable
    def __init__(self, centre: _Optional[str] = ..., question: _Optional[bytes] = ..., dictionary: _Optional[bytes] = ..., snapshot: _Optional[bytes] = ..., snapshot_at_ms: _Optional[int] = ..., released_at_ms: _Optional[int] = ..., template_version: _Optional[int] = ..., nano_rho: _Optional[str] = ..., cap: _Optional[int] = ..., blocks: _Optional[_Iterable[_Union[ReleasedBlock, _Mapping]]] = ..., table: _Optional[_Union[SuppressedTable, _Mapping]] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("charged_nano_rho", "is_repeat", "registry_left_nano_rho", "study_left_nano_rho", "analyst_left_nano_rho", "event", "index", "tree_size", "tree_root", "proof", "questions_left")
    CHARGED_NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    IS_REPEAT_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_LEFT_NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    STUDY_LEFT_NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    ANALYST_LEFT_NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    TREE_ROOT_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_LEFT_FIELD_NUMBER: _ClassVar[int]
    charged_nano_rho: str
    is_repeat: bool
    registry_left_nano_rho: str
    study_left_nano_rho: str
    analyst_left_nano_rho: str
    event: bytes
    index: int
    tree_size: int
    tree_root: bytes
    proof: _containers.RepeatedScalarFieldContainer[bytes]
    questions_left: str
    def __init__(self, charged_nano_rho: _Optional[str] = ..., is_repeat: _Optional[bool] = ..., registry_left_nano_rho: _Optional[str] = ..., study_left_nano_rho: _Optional[str] = ..., analyst_left_nano_rho: _Optional[str] = ..., event: _Optional[bytes] = ..., index: _Optional[int] = ..., tree_size: _Optional[int] = ..., tree_root: _Optional[bytes] = ..., proof: _Optional[_Iterable[bytes]] = ..., questions_left: _Optional[str] = ...) -> None: ...

class Granted(_message.Message):
    __slots__ = ("release", "receipt", "finer")
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    FINER_FIELD_NUMBER: _ClassVar[int]
    release: bytes
    receipt: Receipt
    finer: bytes
    def __init__(self, release: _Optional[bytes] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., finer: _Optional[bytes] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("code", "detail")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    code: int
    detail: str
    def __init__(self, code: _Optional[int] = ..., detail: _Optional[str] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("centre", "query_id", "granted", "refusal")
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    QUERY_ID_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    centre: str
    query_id: bytes
    granted: Granted
    refusal: Refusal
    def __init__(self, centre: _Optional[str] = ..., query_id: _Optional[bytes] = ..., granted: _Optional[_Union[Granted, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Quote(_message.Message):
    __slots__ = ("cost_nano_rho", "is_repeat", "registry_left_nano_rho", "study_left_nano_rho", "analyst_left_nano_rho", "questions_left", "snapshot_at_ms", "finer")
    COST_NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    IS_REPEAT_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_LEFT_NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    STUDY_LEFT_NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    ANALYST_LEFT_NANO_RHO_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_LEFT_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_AT_MS_FIELD_NUMBER: _ClassVar[int]
    FINER_FIELD_NUMBER: _ClassVar[int]
    cost_nano_rho: str
    is_repeat: bool
    registry_left_nano_rho: str
    study_left_nano_rho: str
    analyst_left_nano_rho: str
    questions_left: str
    snapshot_at_ms: int
    finer: bytes
    def __init__(self, cost_nano_rho: _Optional[str] = ..., is_repeat: _Optional[bool] = ..., registry_left_nano_rho: _Optional[str] = ..., study_left_nano_rho: _Optional[str] = ..., analyst_left_nano_rho: _Optional[str] = ..., questions_left: _Optional[str] = ..., snapshot_at_ms: _Optional[int] = ..., finer: _Optional[bytes] = ...) -> None: ...

class Planned(_message.Message):
    __slots__ = ("centre", "query_id", "quote", "refusal")
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    QUERY_ID_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    centre: str
    query_id: bytes
    quote: Quote
    refusal: Refusal
    def __init__(self, centre: _Optional[str] = ..., query_id: _Optional[bytes] = ..., quote: _Optional[_Union[Quote, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class SignedAnswer(_message.Message):
    __slots__ = ("payload", "signature")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: bytes
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class RelayedAnswer(_message.Message):
    __slots__ = ("sealed", "open_refusal")
    SEALED_FIELD_NUMBER: _ClassVar[int]
    OPEN_REFUSAL_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    open_refusal: bytes
    def __init__(self, sealed: _Optional[bytes] = ..., open_refusal: _Optional[bytes] = ...) -> None: ...
