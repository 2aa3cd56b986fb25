from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FrameKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FRAME_KIND_UNSPECIFIED: _ClassVar[FrameKind]
    FRAME_KIND_HELLO: _ClassVar[FrameKind]
    FRAME_KIND_WELCOME: _ClassVar[FrameKind]
    FRAME_KIND_HEARTBEAT: _ClassVar[FrameKind]
    FRAME_KIND_QUERY: _ClassVar[FrameKind]
    FRAME_KIND_ANSWER: _ClassVar[FrameKind]
    FRAME_KIND_PLAN: _ClassVar[FrameKind]
    FRAME_KIND_PLANNED: _ClassVar[FrameKind]
    FRAME_KIND_ROSTER: _ClassVar[FrameKind]
    FRAME_KIND_RENEW: _ClassVar[FrameKind]
    FRAME_KIND_RENEWED: _ClassVar[FrameKind]
    FRAME_KIND_STUDY: _ClassVar[FrameKind]
    FRAME_KIND_DECISION: _ClassVar[FrameKind]

class CentreState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CENTRE_STATE_UNSPECIFIED: _ClassVar[CentreState]
    CENTRE_STATE_ASKED: _ClassVar[CentreState]
    CENTRE_STATE_ANSWERED: _ClassVar[CentreState]
    CENTRE_STATE_OFFLINE: _ClassVar[CentreState]
    CENTRE_STATE_LATE: _ClassVar[CentreState]
    CENTRE_STATE_EXPIRED: _ClassVar[CentreState]
FRAME_KIND_UNSPECIFIED: FrameKind
FRAME_KIND_HELLO: FrameKind
FRAME_KIND_WELCOME: FrameKind
FRAME_KIND_HEARTBEAT: FrameKind
FRAME_KIND_QUERY: FrameKind
FRAME_KIND_ANSWER: FrameKind
FRAME_KIND_PLAN: FrameKind
FRAME_KIND_PLANNED: FrameKind
FRAME_KIND_ROSTER: FrameKind
FRAME_KIND_RENEW: FrameKind
FRAME_KIND_RENEWED: FrameKind
FRAME_KIND_STUDY: FrameKind
FRAME_KIND_DECISION: FrameKind
CENTRE_STATE_UNSPECIFIED: CentreState
CENTRE_STATE_ASKED: CentreState
CENTRE_STATE_ANSWERED: CentreState
CENTRE_STATE_OFFLINE: CentreState
CENTRE_STATE_LATE: CentreState
CENTRE_STATE_EXPIRED: CentreState

class Frame(_message.Message):
    __slots__ = ("kind", "exchange", "total", "offset", "chunk")
    KIND_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    kind: FrameKind
    exchange: bytes
    total: int
    offset: int
    chunk: bytes
    def __init__(self, kind: _Optional[_Union[FrameKind, str]] = ..., exchange: _Optional[bytes] = ..., total: _Optional[int] = ..., offset: _Optional[int] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "software", "dictionary_text", "snapshot_at_ms", "dictionary", "roster_version")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_TEXT_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_AT_MS_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    ROSTER_VERSION_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    software: str
    dictionary_text: bytes
    snapshot_at_ms: int
    dictionary: bytes
    roster_version: int
    def __init__(self, protocol: _Optional[int] = ..., software: _Optional[str] = ..., dictionary_text: _Optional[bytes] = ..., snapshot_at_ms: _Optional[int] = ..., dictionary: _Optional[bytes] = ..., roster_version: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol", "heartbeat_ms")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    heartbeat_ms: int
    def __init__(self, protocol: _Optional[int] = ..., heartbeat_ms: _Optional[int] = ...) -> None: ...

class Ask(_message.Message):
    __slots__ = ("envelope", "audience", "deadline_ms")
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    envelope: bytes
    audience: _containers.RepeatedScalarFieldContainer[str]
    deadline_ms: int
    def __init__(self, envelope: _Optional[bytes] = ..., audience: _Optional[_Iterable[str]] = ..., deadline_ms: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("centre", "state", "answer")
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    centre: str
    state: CentreState
    answer: bytes
    def __init__(self, centre: _Optional[str] = ..., state: _Optional[_Union[CentreState, str]] = ..., answer: _Optional[bytes] = ...) -> None: ...

class QuestionRequest(_message.Message):
    __slots__ = ("query_id",)
    QUERY_ID_FIELD_NUMBER: _ClassVar[int]
    query_id: bytes
    def __init__(self, query_id: _Optional[bytes] = ...) -> None: ...

class Standing(_message.Message):
    __slots__ = ("centre", "state", "received_at_ms")
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    centre: str
    state: CentreState
    received_at_ms: int
    def __init__(self, centre: _Optional[str] = ..., state: _Optional[_Union[CentreState, str]] = ..., received_at_ms: _Optional[int] = ...) -> None: ...

class KeptQuestion(_message.Message):
    __slots__ = ("query_id", "envelope", "asked_at_ms", "deadline_at_ms", "standings")
    QUERY_ID_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    ASKED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_MS_FIELD_NUMBER: _ClassVar[int]
    STANDINGS_FIELD_NUMBER: _ClassVar[int]
    query_id: bytes
    envelope: bytes
    asked_at_ms: int
    deadline_at_ms: int
    standings: _containers.RepeatedCompositeFieldContainer[Standing]
    def __init__(self, query_id: _Optional[bytes] = ..., envelope: _Optional[bytes] = ..., asked_at_ms: _Optional[int] = ..., deadline_at_ms: _Optional[int] = ..., standings: _Optional[_Iterable[_Union[Standing, _Mapping]]] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("limit", "before")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    limit: int
    before: bytes
    def __init__(self, limit: _Optional[int] = ..., before: _Optional[bytes] = ...) -> None: ...

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CentreStatus(_message.Message):
    __slots__ = ("centre", "is_online", "dictionary", "snapshot_at_ms", "software")
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    IS_ONLINE_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_AT_MS_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    centre: str
    is_online: bool
    dictionary: bytes
    snapshot_at_ms: int
    software: str
    def __init__(self, centre: _Optional[str] = ..., is_online: _Optional[bool] = ..., dictionary: _Optional[bytes] = ..., snapshot_at_ms: _Optional[int] = ..., software: _Optional[str] = ...) -> None: ...

class Description(_message.Message):
    __slots__ = ("centres", "dictionary_texts")
    CENTRES_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_TEXTS_FIELD_NUMBER: _ClassVar[int]
    centres: _containers.RepeatedCompositeFieldContainer[CentreStatus]
    dictionary_texts: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, centres: _Optional[_Iterable[_Union[CentreStatus, _Mapping]]] = ..., dictionary_texts: _Optional[_Iterable[bytes]] = ...) -> None: ...
