from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MemberSort(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEMBER_SORT_UNSPECIFIED: _ClassVar[MemberSort]
    MEMBER_SORT_CENTRE: _ClassVar[MemberSort]
    MEMBER_SORT_ANALYST: _ClassVar[MemberSort]
MEMBER_SORT_UNSPECIFIED: MemberSort
MEMBER_SORT_CENTRE: MemberSort
MEMBER_SORT_ANALYST: MemberSort

class EnrolmentRequest(_message.Message):
    __slots__ = ("sort", "name", "token", "csr", "made_at_ms")
    SORT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CSR_FIELD_NUMBER: _ClassVar[int]
    MADE_AT_MS_FIELD_NUMBER: _ClassVar[int]
    sort: MemberSort
    name: str
    token: bytes
    csr: bytes
    made_at_ms: int
    def __init__(self, sort: _Optional[_Union[MemberSort, str]] = ..., name: _Optional[str] = ..., token: _Optional[bytes] = ..., csr: _Optional[bytes] = ..., made_at_ms: _Optional[int] = ...) -> None: ...

class SignedEnrolment(_message.Message):
    __slots__ = ("request", "signature")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    request: bytes
    signature: bytes
    def __init__(self, request: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class EnrolmentAnswer(_message.Message):
    __slots__ = ("certificate", "authority", "roster")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    ROSTER_FIELD_NUMBER: _ClassVar[int]
    certificate: bytes
    authority: bytes
    roster: bytes
    def __init__(self, certificate: _Optional[bytes] = ..., authority: _Optional[bytes] = ..., roster: _Optional[bytes] = ...) -> None: ...
