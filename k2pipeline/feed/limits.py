"""The numbers that a feed handler goes by; `[limits]` in its configuration overrides each of them."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Times in seconds. ValueError, when read from a configuration, for what cannot work."""

    connect_s: float = 10  # TCP, TLS and the opening handshake
    subscribe_s: float = 30  # from one answer to the next
    idle_s: float = 10  # without a byte before the exchange is pinged
    pong_s: float = 10  # without a byte after that before the connection is replaced
    close_s: float = 2  # for the exchange to answer our closing
    backoff_base_s: float = 0.5  # longest first delay
    backoff_cap_s: float = 30  # longest delay at all
    attempts_share: float = 0.5  # of the connections that the exchange allows an address: two handlers fit
    refused_retry_s: float = 300  # before a symbol that was refused while others went on is asked for again
    stable_s: float = 2  # a connection that lasted so long begins the backoff anew
    lifetime_s: float | None = None  # instead of the exchange's own
    lifetime_margin_s: float = 600  # a connection is replaced that long before the exchange would cut it
    overlap_s: float = 5  # for which old and new are both read
    flush_s: float = 30  # for the broker to take what was received, when the handler is stopped
    queue_high_messages: int = 50_000  # above, no socket is read
    queue_low_messages: int = 10_000  # below, they are read again
    queue_bytes: int = 64 * 1024 * 1024
    max_frame_bytes: int = 8 * 1024 * 1024  # a longer one ends the connection with code 1009

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} = {value} is negative")
        if not 0 < self.attempts_share <= 1:
            raise ValueError(f"attempts_share = {self.attempts_share} is no share above 0 and at most 1")
        if not self.queue_low_messages < self.queue_high_messages:
            raise ValueError(
                f"queue_low_messages = {self.queue_low_messages} has to be below "
                f"queue_high_messages = {self.queue_high_messages}"
            )
