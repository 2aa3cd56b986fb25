"""Peers of the coordinator's doors: who they are, and that their calls end when they belong no longer.

spec/link.md 1 and 7. Identity comes from the peer's certificate, from its one URI, and from nothing else.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, NoReturn, TypeAlias

# See node/link.py: the only way to refuse TLS 1.2, and read at import.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"

import grpc

from coordinator.membership import Membership
from protocols.clock import Clock
from protocols.ids import AnalystId, CentreId
from protocols.transport_papers import check_certificate

_log = logging.getLogger("skerry.coordinator")
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_ABORT_WITHIN_S = 0.5
_LOOK_AGAIN_S = 30.0


async def refuse(context: _Context, why: str) -> NoReturn:
    """End a call of who has no business here."""
    _log.warning("event=peer_refused why=%s", why)
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, why)
    raise RuntimeError("abort raises")


def peer_uri(context: _Context) -> str | None:
    """Give the one URI of the peer's certificate over TLS 1.3; None when it is not exactly so."""
    auth = context.auth_context()
    uris = list(auth.get("peer_uri", []))
    versions = list(auth.get("ssl_tls_version", []))
    if versions != [b"TLSv1.3"] or len(uris) != 1:
        return None
    return uris[0].decode("utf-8", "replace")


def certificate_of(context: _Context) -> bytes:
    """Give the certificate that the peer shows, PEM."""
    return b"".join(context.auth_context().get("x509_pem_cert", []))


@asynccontextmanager
async def present(
    membership: Membership, clock: Clock, who: CentreId | AnalystId, context: _Context, why: str
) -> AsyncIterator[None]:
    """Keep a peer's call as long as the peer belongs and the certificate is good; else it is cut at once."""
    call = asyncio.current_task()
    if call is None:
        raise RuntimeError("a call is a task")
    # Read before anything is served: without an end there is no call.
    ends = check_certificate(certificate_of(context)).not_valid_after_utc
    with membership.here(who) as is_gone:

        async def cut() -> None:
            has_ended = await _lapses(is_gone, ends, clock)
            await _cut(call, context, "certificate_ended" if has_ended else why)

        cutting = asyncio.create_task(cut())
        try:
            yield
        finally:
            if not is_gone.is_set():
                cutting.cancel()


async def _lapses(is_gone: asyncio.Event, ends: datetime, clock: Clock) -> bool:
    """Wait until a peer belongs no longer, or the certificate ends; say whether it was the certificate.

    TLS looks at a certificate once, and a stream may last for months.
    """
    while (left_s := (ends - clock()).total_seconds()) > 0:
        # In short steps: the clock may be set meanwhile.
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left_s, _LOOK_AGAIN_S)):
                await is_gone.wait()
                return False
    is_gone.set()
    return True


async def _cut(call: "asyncio.Task[Any]", context: _Context, why: str) -> None:
    """End a call by both its ends: to cancel its task alone would tell the peer nothing.

    The abort waits behind a write that a peer does not take, so the task does not wait for the abort.
    """
    _log.warning("event=peer_cut why=%s", why)
    ending = asyncio.get_running_loop().call_later(_ABORT_WITHIN_S, call.cancel)
    try:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, why)
    except grpc.aio.BaseError:
        ending.cancel()
        call.cancel()
