"""All senders have one start, and each starts once."""

import threading
from pathlib import Path

import pytest

from load.start import StartedTwiceError, are_ready, await_start, give_start, say_ready, start_of


def test_the_start_is_given_once_all_are_ready(tmp_path: Path) -> None:
    say_ready(tmp_path, "binance-0")
    assert not are_ready(tmp_path, ["binance-0", "kraken-0"])
    say_ready(tmp_path, "kraken-0")
    assert are_ready(tmp_path, ["binance-0", "kraken-0"])
    assert start_of(tmp_path) is None
    give_start(tmp_path, 123)
    assert start_of(tmp_path) == await_start(tmp_path, lambda: False) == 123


def test_whoever_waits_hears_of_a_later_start(tmp_path: Path) -> None:
    told: list[int | None] = []
    waiting = threading.Thread(target=lambda: told.append(await_start(tmp_path, lambda: False)))
    waiting.start()
    give_start(tmp_path, 7)
    waiting.join(30)
    assert told == [7]


def test_a_sender_that_is_stopped_waits_no_longer(tmp_path: Path) -> None:
    assert await_start(tmp_path, lambda: True) is None


def test_a_second_start_of_a_sender_is_refused_with_what_to_do(tmp_path: Path) -> None:
    say_ready(tmp_path, "binance-0")
    with pytest.raises(StartedTwiceError, match=r"binance-0.*make load-ui"):
        say_ready(tmp_path, "binance-0")
