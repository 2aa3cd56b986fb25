"""The gRPC adapter of enrolment at a node: one call, to a server that the token names. spec/enrolment.md 4.

The one authority that may answer for the server is the one whose hash the token carries: the first contact
trusts nobody whom the custodian was not told of. It decides nothing else.
"""

import os
from typing import cast

# See node/link.py: refuses TLS 1.2, and is read at import.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"

import grpc

from node.errors import NotEnrolledError, UnreachableError
from protocols.enrolment import ENROL_PATH

_WITHIN_S = 20.0
_LOOPBACK = ("127.", "localhost:", "[::1]:")
_OPTIONS: list[tuple[str, int]] = [("grpc.max_receive_message_length", 8 * 2**20)]


def ask_enrolment(target: str, authority_pem: bytes, request: bytes) -> bytes:
    """Send a request, give the answer's bytes. Raises NotEnrolledError or UnreachableError."""
    options = list(_OPTIONS)
    if target.startswith(_LOOPBACK):
        # A developer's https_proxy would otherwise capture loopback too.
        options.append(("grpc.enable_http_proxy", 0))
    credentials = grpc.ssl_channel_credentials(root_certificates=authority_pem)
    with grpc.secure_channel(target, credentials, options=options) as channel:
        enrol = channel.unary_unary(ENROL_PATH, request_serializer=bytes, response_deserializer=bytes)
        try:
            answer: bytes = enrol(request, timeout=_WITHIN_S)
        except grpc.RpcError as error:
            # Every error that a call raises is a call as well; the stubs do not say so.
            code = cast("grpc.Call", error).code()
            if code is grpc.StatusCode.PERMISSION_DENIED:
                raise NotEnrolledError("the coordinator refuses the enrolment") from None
            raise UnreachableError(f"{target} cannot be reached for an enrolment ({code.name})") from None
    return answer
