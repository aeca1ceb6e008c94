"""Signals as questions."""

from __future__ import annotations

import signal

from k2pipeline.feed.stop import StopSignals


def test_the_first_signal_asks_to_stop_and_the_second_not_to_wait() -> None:
    calls: list[str] = []
    with StopSignals() as stop:
        stop.on_stop = lambda: calls.append("stop")
        assert (stop.is_set, stop.is_impatient) == (False, False)
        signal.raise_signal(signal.SIGTERM)
        assert (stop.is_set, stop.is_impatient) == (True, False)
        signal.raise_signal(signal.SIGINT)
        assert (stop.is_set, stop.is_impatient) == (True, True)
    assert calls == ["stop"]


def test_the_handlers_before_are_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with StopSignals():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
