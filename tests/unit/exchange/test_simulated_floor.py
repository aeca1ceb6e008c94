"""Which connection gets which frame, what is recorded, and what comes again after a cut; without sockets."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from harness.exchange.connection import Mark
from harness.exchange.dialect import Limits
from harness.exchange.dialects.binance import Binance
from harness.exchange.dialects.binance.session import COMBINED
from harness.exchange.floor import Due, Floor
from harness.faults.transport import BY_CLIENT, LAST_FRAMES, Ending

RESENT = Ending("disconnect", resends=True, is_owed=True)
HOLE = Ending("hole", resends=False, is_owed=False)
A, B = "aausdt@trade", "bbusdt@trade"


class FakeSession:
    form = COMBINED


class FakeConnection:
    """What a floor needs of a connection; `got` is what it was handed."""

    def __init__(self, number: int, dialect: Binance) -> None:
        self.number, self.dialect, self.session = number, dialect, FakeSession()
        self.streams: dict[str, None] = {}
        self.recent: deque[Due] = deque(maxlen=LAST_FRAMES)
        self.got: list[bytes] = []
        self.confirmed = Mark(0, 0)
        self.is_full = False
        self.last_sent_ns = 0

    def hand(self, text: bytes) -> int:
        self.got.append(text)
        return len(self.got) - 1

    def restart(self, position: int) -> None:
        self.confirmed = Mark(position, self.confirmed.place)

    def flush(self) -> None: ...


class Recorder:
    """What was recorded: (connection, text, faults) of what was handed, (text, tags, owed) of what was not."""

    def __init__(self) -> None:
        self.handed_over: list[tuple[int, bytes, tuple[str, ...]]] = []
        self.extras: list[bytes] = []
        self.not_handed: list[tuple[bytes, str | None, bool]] = []
        self.endings: list[tuple[int, int, str]] = []

    def handed(self, due: Due, text: bytes, _sent_ns: int, conn: int, _place: int, *, is_extra: bool) -> None:
        self.handed_over.append((conn, text, due.faults))
        if is_extra:
            self.extras.append(text)

    def unheard(self, due: Due, tag: str | None, *, is_owed: bool) -> None:
        self.not_handed.append((due.played.frame, tag, is_owed and due.owed))

    def ended(self, conn: int, place: int, ending: Ending) -> None:
        self.endings.append((conn, place, ending.name))


class Scene:
    """A floor of one exchange with a clock that stands still."""

    def __init__(self, *, keeps: bool = True) -> None:
        self.dialect = Binance(Limits(), lambda: 1)
        self.record = Recorder()
        self.floor = Floor([self.dialect], self.record, lambda: 1_000, keeps=keeps)
        self._numbers = iter(range(1, 100))
        self._ids = iter(range(1, 1000))

    def connect(self, *streams: str) -> Any:
        connection: Any = FakeConnection(next(self._numbers), self.dialect)
        self.floor.enter(connection)
        if streams:
            self.floor.subscribe(connection, streams)
        return connection

    def play(self, stream: str | None, *, kind: str = "trade", owed: bool = True) -> bytes:
        number = next(self._ids)
        symbol = stream.partition("@")[0].upper() if stream else ""
        text = (
            f'{{"stream":"{stream}","data":{{"e":"trade","s":"{symbol}","t":{number}}}}}' if stream else f"<{number}>"
        )
        played = self.dialect.read(text.encode())
        assert played.stream == stream
        self.floor.play(self.dialect, Due(played, "binance", symbol, kind, 1, number, (), owed))
        return text.encode()


def test_everybody_gets_what_they_are_subscribed_to_and_nothing_else() -> None:
    scene = Scene()
    one, two, idle = scene.connect(A), scene.connect(A, B), scene.connect()
    a, b, nobodys = scene.play(A), scene.play(B), scene.play(None, kind="unknown")
    assert (one.got, two.got, idle.got) == ([a, nobodys], [a, b, nobodys], [])
    scene.floor.unsubscribe(two, A)
    more = scene.play(A)
    assert (one.got[-1], two.got[-1]) == (more, nobodys)
    assert [(conn, text) for conn, text, _ in scene.record.handed_over] == [
        (1, a), (2, a), (2, b), (1, nobodys), (2, nobodys), (1, more),
    ]  # fmt: skip
    assert scene.record.not_handed == []


def test_a_frame_for_nobody_is_recorded_as_owed() -> None:
    scene = Scene()
    before = scene.play(A)
    connection = scene.connect(A)
    scene.play(A)
    scene.floor.leave(connection, BY_CLIENT)
    after = scene.play(A)
    assert scene.record.not_handed == [(before, "unheard", True), (after, "unheard", True)]
    assert scene.record.endings == [(1, 0, "unheard")]


def test_what_an_exchange_keeps_to_itself_is_not_owed_until_somebody_subscribes_again() -> None:
    scene = Scene()
    connection = scene.connect(A, B)
    scene.floor.leave(connection, HOLE)
    lost = scene.play(A)
    back = scene.connect(A)
    scene.play(A)
    other = scene.play(B)
    scene.floor.leave(back, BY_CLIENT)
    owed = scene.play(A)
    assert scene.record.not_handed == [(lost, "hole", False), (other, "hole", False), (owed, "unheard", True)]
    assert len(back.got) == 1


def test_who_comes_back_gets_all_that_was_not_confirmed_and_all_that_was_missed_in_order() -> None:
    scene = Scene()
    connection = scene.connect(A, B)
    frames = [scene.play(stream) for stream in (A, B, A, B, A, None)]
    connection.confirmed = Mark(2, 2)
    scene.floor.leave(connection, RESENT)
    missed = [scene.play(stream) for stream in (B, None, A)]
    assert scene.record.not_handed == []
    assert not scene.floor.is_whole
    back = scene.connect(A, B)
    assert scene.floor.is_whole
    assert back.got == [*frames[2:], *missed]
    live = scene.play(A)
    assert back.got[-1] == live
    tags = [faults for conn, _, faults in scene.record.handed_over if conn == back.number]
    assert tags == [("disconnect",)] * 7 + [()]


def test_who_comes_back_in_steps_gets_each_stream_when_it_subscribes() -> None:
    scene = Scene()
    connection = scene.connect(A, B)
    a, b = scene.play(A), scene.play(B)
    scene.floor.leave(connection, RESENT)
    back = scene.connect(A)
    assert back.got == [a]
    later = scene.play(B)
    scene.floor.subscribe(back, [B])
    assert back.got == [a, b, later]


def test_who_is_cut_off_again_before_confirming_gets_it_all_again() -> None:
    scene = Scene()
    connection = scene.connect(A)
    frames = [scene.play(A) for _ in range(3)]
    scene.floor.leave(connection, RESENT)
    second = scene.connect(A)
    scene.floor.leave(second, RESENT)
    frames.append(scene.play(A))
    assert scene.connect(A).got == frames


def test_another_connection_that_stayed_gets_nothing_twice() -> None:
    scene = Scene()
    stays, goes = scene.connect(A), scene.connect(A)
    frames = [scene.play(A)]
    scene.floor.leave(goes, RESENT)
    frames.append(scene.play(A))
    assert stays.got == frames
    assert scene.connect(A).got == frames
    assert stays.got == frames


def test_tape_keeps_only_what_can_still_be_needed() -> None:
    scene = Scene()
    connection = scene.connect(A)
    due = Due(scene.dialect.read(b"<x>"), "binance", "", "unknown", 0, 1)
    for number in range(5000):
        scene.floor.play(scene.dialect, due)
        connection.confirmed = Mark(max(0, number - 100), 0)
    assert 100 <= len(scene.floor._pits["binance"].tape) < 100 + 512


def test_nothing_is_kept_where_nothing_will_be_resent() -> None:
    scene = Scene(keeps=False)
    scene.connect(A)
    scene.play(A)
    assert not scene.floor._pits["binance"].tape


@pytest.mark.parametrize("frames", [2, 50])
def test_a_resend_is_the_last_frames_of_that_connection_again(frames: int) -> None:
    scene = Scene()
    connection, other = scene.connect(A), scene.connect(B)
    a1, _, a2, a3 = (scene.play(stream) for stream in (A, B, A, A))
    assert scene.floor.resend(connection, frames, "resend") == min(frames, 3)
    assert connection.got == [a1, a2, a3, *[a1, a2, a3][-frames:]]
    assert len(other.got) == 1
    assert scene.record.extras == [a1, a2, a3][-frames:]


def test_a_resend_reaches_back_behind_what_the_client_has_answered_for() -> None:
    """The tape forgets what arrived; an exchange that fails over sends it again all the same."""
    scene = Scene()
    connection = scene.connect(A)
    played = []
    for number in range(700):
        played.append(scene.play(A))
        connection.confirmed = Mark(number + 1, 0)
    assert len(scene.floor._pits["binance"].tape) < 512
    scene.floor._pits["binance"].thin()
    assert scene.floor.resend(connection, 50, "resend") == 50
    assert connection.got == [*played, *played[-50:]]


def test_a_house_is_full_when_every_stream_has_somebody_and_not_by_the_number_of_connections() -> None:
    scene = Scene()
    streams = {"binance": (A, B)}
    one = scene.connect(A)
    assert not scene.floor.is_attended(streams)
    scene.connect(A)
    assert not scene.floor.is_attended(streams), "two connections, and nobody hears the second stream"
    scene.connect(B)
    assert scene.floor.is_attended(streams)
    scene.floor.leave(one, HOLE)
    assert scene.floor.is_attended(streams)


def test_what_is_inserted_is_recorded_as_what_it_is() -> None:
    scene = Scene()
    connection = scene.connect(A)
    scene.floor.insert(connection, b"<html>", "garbage")
    assert connection.got == [b"<html>"]
    assert scene.record.handed_over == [(1, b"<html>", ("garbage",))]
    assert scene.record.extras == [b"<html>"]


def test_it_is_full_while_a_connection_is() -> None:
    scene = Scene()
    connection = scene.connect(A)
    connection.is_full = True
    assert scene.floor.is_full
    connection.is_full = False
    assert not scene.floor.is_full
