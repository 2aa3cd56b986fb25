"""The gRPC adapter of the analyst: the coordinator's desk over mutual TLS. spec/link.md.

* A question outlives the connection: while it is asked, a connection that breaks is taken up again until
  the deadline. The same bytes are the same question, and what was answered meanwhile is given then.
* A coordinator that was never reached is not waited for: its address or its certificate is wrong.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar, cast

# See node/link.py: refuses TLS 1.2, and is read at import.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"

import grpc

from coordinator.analyst.profile import Profile
from coordinator.errors import AskError, CoordinatorError, UnknownQuestionError, UnreachableError
from protocols.codec.link import (
    decode_description,
    decode_kept,
    decode_progress,
    encode_ask,
    encode_listing,
    encode_query_id,
)
from protocols.ids import CentreId, QueryId
from protocols.link import (
    ASK_PATH,
    DESCRIBE_PATH,
    LIST_PATH,
    PLAN_PATH,
    RESULT_PATH,
    STATUS_PATH,
    Ask,
    CentreState,
    Description,
    KeptQuestion,
    Listing,
    Progress,
)

_LOOPBACK = ("127.", "localhost:", "[::1]:")
_SETUP_S = 10.0
_LET_GO_S = 0.05
_ANSWERS_S = 600.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", 64 * 2**20 + 2**10),
    # gRPC's own pause before it connects again grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]
_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
"""How a coordinator's end shows: at once, and when it is stopped in good order."""
_SETTLED = (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE)
_NOT_RELAYED = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
_LONGEST_SENTENCE = 200
_T = TypeVar("_T")


class Desk:
    """A channel to the coordinator; opened at the first call."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._channel: grpc.Channel | None = None
        self._is_settled = threading.Event()
        self.was_reached = False
        """Whether the coordinator has been reached since the channel was opened."""

    def ask(self, ask: Ask) -> Iterator[Progress]:
        """Relay a question; give each centre's steps, over as many connections as it takes.

        Raises AskError when the coordinator does not take it, and UnreachableError.
        """
        deadline_s = time.monotonic() + ask.deadline_ms / 1000
        self._open()
        # A coordinator that takes the question and dies at once must be known to have been there.
        self._is_settled.wait(_SETUP_S)
        answered: set[CentreId] = set()
        pause_s = _FIRST_PAUSE_S
        while True:
            left_s = max(deadline_s - time.monotonic(), 0)
            try:
                for step in self._steps(ASK_PATH, replace(ask, deadline_ms=int(left_s * 1000))):
                    if step.centre not in answered:
                        yield step
                    if step.state is CentreState.ANSWERED:
                        answered.add(step.centre)
            except grpc.RpcError as error:
                # The last try, at the deadline, waits for nobody: it fetches what was answered.
                if not left_s or not self.was_reached or _code(error) not in _LOST:
                    raise self._failure(error) from None
            else:
                return
            time.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311 -- jitter, not a secret
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def plan(self, ask: Ask) -> Iterator[Progress]:
        """Relay a plan; give each centre's steps, with its quote. Raises AskError and UnreachableError."""
        try:
            yield from self._steps(PLAN_PATH, ask)
        except grpc.RpcError as error:
            raise self._failure(error) from None

    def status(self, query_id: QueryId) -> KeptQuestion:
        """Ask what became of a question. Raises UnknownQuestionError and UnreachableError."""
        return self._single(STATUS_PATH, encode_query_id(query_id), decode_kept)

    def result(self, query_id: QueryId) -> Iterator[Progress]:
        """Fetch the answers that are there. Raises UnknownQuestionError and UnreachableError."""
        return self._stream(RESULT_PATH, encode_query_id(query_id), decode_progress)

    def questions(self, listing: Listing) -> Iterator[KeptQuestion]:
        """List the questions of this analyst, newest first. Raises as `status` does."""
        return self._stream(LIST_PATH, encode_listing(listing), decode_kept)

    def describe(self) -> Description:
        """Ask which centres are there. Raises UnreachableError."""
        return self._single(DESCRIBE_PATH, b"", decode_description)

    def close(self) -> None:
        """Close the channel."""
        if self._channel is not None:
            self._channel.unsubscribe(self._note)
            if not self.was_reached:
                # gRPC's thread that watches for the first connection prints a stack where it begins to
                # look at a channel that was closed just now. It looks again within this time, or never.
                time.sleep(_LET_GO_S)
            self._channel.close()
            self._channel = None
            self._is_settled.clear()
            self.was_reached = False

    def _steps(self, path: str, ask: Ask) -> Iterator[Progress]:
        call = self._open().unary_stream(
            path, request_serializer=encode_ask, response_deserializer=decode_progress
        )
        # The coordinator ends the stream at the deadline; this bound is for one that does not.
        timeout_s = ask.deadline_ms / 1000 + _SETUP_S
        # Once reached, it is waited for: gRPC then connects again by itself, with pauses.
        yield from call(ask, timeout=timeout_s, wait_for_ready=self.was_reached)

    def _single(self, path: str, request: bytes, decode: Callable[[bytes], _T]) -> _T:
        call = self._open().unary_unary(path, request_serializer=bytes, response_deserializer=decode)
        try:
            answer: _T = call(request, timeout=_SETUP_S)
        except grpc.RpcError as error:
            raise self._failure(error) from None
        return answer

    def _stream(self, path: str, request: bytes, decode: Callable[[bytes], _T]) -> Iterator[_T]:
        call = self._open().unary_stream(path, request_serializer=bytes, response_deserializer=decode)
        try:
            yield from call(request, timeout=_ANSWERS_S)
        except grpc.RpcError as error:
            raise self._failure(error) from None

    def _open(self) -> grpc.Channel:
        if self._channel is None:
            profile = self._profile
            credentials = grpc.ssl_channel_credentials(
                root_certificates=profile.tls_ca_pem,
                private_key=profile.tls_key_pem,
                certificate_chain=profile.tls_certificate_pem,
            )
            options = list(_OPTIONS)
            if profile.target.startswith(_LOOPBACK):
                options.append(("grpc.enable_http_proxy", 0))
            self._channel = grpc.secure_channel(profile.target, credentials, options=options)
            self._channel.subscribe(self._note, try_to_connect=True)
        return self._channel

    def _note(self, state: grpc.ChannelConnectivity) -> None:
        """Note whether the coordinator was reached; gRPC says so in a thread of its own."""
        if state is grpc.ChannelConnectivity.READY:
            self.was_reached = True
            if self._channel is not None:
                self._channel.unsubscribe(self._note)  # seen once is enough
        if state in _SETTLED:
            self._is_settled.set()

    def _failure(self, error: grpc.RpcError) -> CoordinatorError:
        """Say what a call's end means. The one table from gRPC's codes to this room's errors."""
        code = _code(error)
        if code is grpc.StatusCode.NOT_FOUND:
            return UnknownQuestionError("the coordinator has no question of yours with this id")
        if code in _NOT_RELAYED:
            return AskError(f"the coordinator does not relay this question: {_sentence(error)}")
        return UnreachableError(f"the coordinator at {self._profile.target} does not answer ({code.name})")


def _code(error: grpc.RpcError) -> grpc.StatusCode:
    # Every error that a call raises is a call as well; the stubs do not say so.
    return cast("grpc.Call", error).code()


def _sentence(error: grpc.RpcError) -> str:
    """Give what the coordinator says, fit for a terminal: it may be anything."""
    text = str(cast("Any", error).details() or "no reason given")
    return "".join(one for one in text if one.isprintable())[:_LONGEST_SENTENCE]
