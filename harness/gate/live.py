"""A warehouse that is migrated while trades flow into it: the stack, and the tape played in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException

from harness.captures import CapturedFrame
from harness.gate.applying import apply_side, group
from harness.gate.sides import Side
from harness.gate.tape import Tape, eventful, odd_frames
from harness.pace import parse_rate
from harness.replay import ReplayError, ReplayStats, Times, replay
from harness.run import acknowledged_ends
from harness.settle import Ends, ends_now, offsets_reader, wait_until_consumed
from harness.synthetic import synthetic
from k2pipeline.exchanges import EXCHANGES, TOPICS
from k2pipeline.stack import Stack, start_stack

LIVE: Final = "k2"
FRESH: Final = "k2_fresh"
_PARTITIONS: Final = 4
_STOP_LIMIT_S: Final = 30.0
_WAIT_LIMIT_S: Final = 300.0
# How long trades flow at most, should a migration not end.
_LONGEST_NS: Final = 1_800 * 10**9


class Flow:
    """Trades flowing into a stack: into LIVE, which begins with the base, and when all is over into FRESH, which is the
    candidate's from the start and reads the same topics from their beginning.
    """

    def __init__(self, running: Stack, base: Side, candidate: Side, ledger: Path, tape: Tape) -> None:
        self.running, self.candidate = running, candidate
        self._ledger, self._tape = ledger, tape
        self._sent = self._over_us = 0
        self._until: int | None = None
        self._error: BaseException | None = None
        self._stats: ReplayStats | None = None
        self._reached = threading.Condition()
        running.create_topics(TOPICS, _PARTITIONS)
        apply_side(running, base, LIVE)
        self._thread = threading.Thread(target=self._play, name="rehearsal", daemon=True)
        self._thread.start()

    def migrate(self) -> None:
        """Apply what the candidate adds to the warehouse that lives."""
        apply_side(self.running, self.candidate, LIVE)

    def wait_for_half(self, progress: Callable[[str], None]) -> None:
        """Until the trades that come before the migration have been sent, and the warehouse holds them; more flow."""
        self._wait_for(self._tape.half)
        reader = offsets_reader(self.running.bootstrap, group(LIVE))
        try:
            ends = ends_now(reader, TOPICS)
        except KafkaException as error:
            raise ReplayError(f"the broker does not say how much it holds: {error.args[0].str()}") from error
        finally:
            reader.close()
        self._settle(LIVE, ends, progress)

    def wait_for_more(self, trades: int) -> None:
        """Until so many more have been sent."""
        self._wait_for(self._sent + trades)

    def finish(self, progress: Callable[[str], None]) -> tuple[ReplayStats, int, int]:
        """Play the other half, and wait until both databases have taken in all; the figures, how many messages they
        never did, and when the last frame had been sent, in microseconds since 1970.
        """
        self._until = self._sent + self._tape.half
        self._thread.join()
        self._raise()
        if self._stats is None:
            raise ReplayError("the replay ended without figures")
        ends = acknowledged_ends(self._ledger)
        lag = 0
        for database in (LIVE, FRESH):
            if database == FRESH:
                apply_side(self.running, self.candidate, FRESH)
            lag += self._settle(database, ends, progress)
        return self._stats, lag, self._over_us

    def stop(self) -> None:
        """Send nothing more; at the end, or when a migration was refused."""
        self._until = 0
        self._thread.join(_STOP_LIMIT_S)

    def _settle(self, database: str, ends: Ends, progress: Callable[[str], None]) -> int:
        """Wait until a database has taken in what comes before `ends`; how many messages it never did."""
        settled = wait_until_consumed(
            self.running.bootstrap, group(database), ends, progress=lambda left: progress(f"{left:,} messages behind")
        )
        return settled.lag_messages

    def _wait_for(self, trades: int) -> None:
        with self._reached:
            if not self._reached.wait_for(lambda: self._sent >= trades or self._error is not None, _WAIT_LIMIT_S):
                raise ReplayError(f"only {self._sent:,} of {trades:,} trades were sent within {_WAIT_LIMIT_S:g} s")
        self._raise()

    def _play(self) -> None:
        try:
            self._stats = replay(
                self._frames(),
                bootstrap=self.running.bootstrap,
                pace=parse_rate(str(self._tape.rate)),
                times=Times.NOW,
                ledger_path=self._ledger,
                seed=self._tape.seed,
                progress=self._advance,
            )
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            self._error = error
        finally:
            # The embedded warehouse has this machine's clock.
            self._over_us = time.time_ns() // 1000
            with self._reached:
                self._reached.notify_all()

    def _frames(self) -> Iterator[CapturedFrame]:
        trades = 0
        generated = synthetic(_LONGEST_NS, self._tape.seed, rates=self._tape.rate)
        for captured in eventful(generated, odd_frames(), lambda: self._until is not None):
            if self._until is not None and trades >= self._until:
                return
            trades += EXCHANGES[captured.exchange].classify(captured.frame).trades
            yield captured

    def _advance(self, _frames: int, trades: int) -> None:
        with self._reached:
            self._sent = trades
            self._reached.notify_all()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


@contextmanager
def flowing(base: Side, candidate: Side, directory: Path, tape: Tape) -> Iterator[Flow]:
    """A stack with trades flowing into it; everything is stopped again, however it ends."""
    directory.mkdir(parents=True)
    with start_stack("embedded", workdir=directory / "stack") as running:
        flow = Flow(running, base, candidate, directory / "ledger.parquet", tape)
        try:
            yield flow
        finally:
            flow.stop()
