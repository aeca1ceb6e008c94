"""Silence is noticed, and a pause of our own is not taken for one."""

from __future__ import annotations

from k2pipeline.feed.liveness import Liveness, Verdict


def test_a_silent_connection_is_pinged_once_and_then_dead() -> None:
    liveness = Liveness(idle_s=10, pong_s=5, now_s=100)
    said = {now: liveness.judge(now) for now in (105, 109.9, 110, 111, 114.9, 115)}
    assert said == {
        105: Verdict.WAIT,
        109.9: Verdict.WAIT,
        110: Verdict.PING,
        111: Verdict.WAIT,
        114.9: Verdict.WAIT,
        115: Verdict.DEAD,
    }


def test_anything_heard_after_the_ping_is_a_sign_of_life() -> None:
    liveness = Liveness(10, 5, 0)
    assert liveness.judge(10) is Verdict.PING
    liveness.heard(14)
    assert [liveness.judge(now) for now in (15, 23.9, 24)] == [Verdict.WAIT, Verdict.WAIT, Verdict.PING]


def test_pong_is_waited_for_since_the_ping_however_late_that_was() -> None:
    """A process that was stopped for a minute must read what came meanwhile before it judges."""
    liveness = Liveness(10, 5, 0)
    assert [liveness.judge(now) for now in (70, 74, 75)] == [Verdict.PING, Verdict.WAIT, Verdict.DEAD]


def test_time_in_which_we_do_not_read_is_no_silence() -> None:
    liveness = Liveness(10, 5, 0)
    liveness.judge(10)
    liveness.pause()
    assert liveness.judge(1_000) is Verdict.WAIT
    liveness.resume(1_000)
    assert liveness.judge(1_009) is Verdict.WAIT
    assert liveness.judge(1_010) is Verdict.PING
