"""Wrong uses of `skerry-coordinator`."""

from tests.integration.wrong.line import line_mistakes
from tests.integration.wrong.settings import SHARED, TRANSPORT, paper_mistakes, settings_mistakes
from tests.integration.wrong.use import Command, WrongUse

RUN = Command(
    name="skerry-coordinator run",
    start="skerry-coordinator run",
    rest="--config {box}/coordinator/coordinator.toml",
    takes_json=False,
)

PAPERS = [
    *SHARED,
    *TRANSPORT,
    (
        "a certificate of another",
        "tls-of-another",
        "it names skerry://centre/b, and must name skerry://coordinator",
        "",
    ),
    ("no transport key", "tls-key-absent", "tls-key-absent cannot be read", ""),
    ("a transport key that is none", "tls-key-garbage", "its private key is none in PEM", ""),
    ("a transport key of another", "tls-key-of-another", "it belongs to another private key", ""),
    (
        "a heartbeat of nothing",
        "heartbeat-of-nothing",
        "heartbeat_s: must be greater than or equal to 0.1",
        "",
    ),
    ("a heartbeat in words", "heartbeat-in-words", "heartbeat_s: ", ""),
    ("a heartbeat of a day", "heartbeat-of-a-day", "heartbeat_s: must be less than or equal to 60", ""),
    ("a port in words", "port-in-words", "listen: must be HOST:PORT", ""),
    ("a port that cannot be", "port-too-great", "listen: must be HOST:PORT, the port at most 65535", ""),
    ("no host", "no-host", "listen: must be HOST:PORT", ""),
    (
        "a second coordinator of one folder",
        "data-held",
        "a coordinator with the data folder .* is running already",
        "leave it, or stop it first",
    ),
]
LISTENING = [
    (
        "a port that another program has",
        "port-in-use",
        "cannot listen on 127.0.0.1:",
        "^choose another port, at an address of this machine",
    ),
    (
        "an address of another machine",
        "address-of-another",
        "cannot listen on 192.0.2.1:9999",
        "^choose another port, at an address of this machine",
    ),
    (
        "a host that nobody knows",
        "host-of-nobody",
        "cannot listen on no-such-host.invalid:9999",
        "at an address of this machine",
    ),
]
STORES = [
    ("a file for the data", "data-file", "the data folder .* cannot be used", ""),
    ("a store of bytes", "store-garbage", "store", ""),
    ("a store that is a folder", "store-folder", "store", ""),
    ("another program's store", "store-of-another", "store", ""),
    ("a store of a later version", "store-of-tomorrow", "store", ""),
]
VALUES = {
    "heartbeat-of-nothing": ("heartbeat_s", "0"),
    "heartbeat-in-words": ("heartbeat_s", '"often"'),
    "heartbeat-of-a-day": ("heartbeat_s", "86400"),
    "port-in-words": ("listen", '"localhost:https"'),
    "port-too-great": ("listen", '"127.0.0.1:65536"'),
    "no-host": ("listen", '":9999"'),
    "address-of-another": ("listen", '"192.0.2.1:9999"'),
    "host-of-nobody": ("listen", '"no-such-host.invalid:9999"'),
}


def coordinator_uses() -> list[WrongUse]:
    """Give every wrong use of the coordinator's command."""
    return [
        *line_mistakes(RUN),
        *settings_mistakes(RUN),
        *paper_mistakes(RUN, PAPERS),
        *paper_mistakes(RUN, LISTENING, exit_code=5),
        *paper_mistakes(RUN, STORES, exit_code=6),
    ]
