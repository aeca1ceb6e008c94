"""Through simulated exchanges and the real feed handlers: a run from the wire on.

The simulator plays to `k2 feed`, one process for each exchange, and writes down what it handed to which socket.
Afterwards the topics are read back, and what is there is matched with what was sent (account.py). Receive times
are the handlers' own, whatever the scenario says of times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from harness.checks import CheckResult
from harness.exchange.sent import SentLog
from harness.exchange.show import Programme, Show, programme
from harness.exchange.source import generated, recorded
from harness.faults import FaultChain
from harness.faults.transport import make_faults
from harness.plan import Plan
from harness.replay import Interruption, interruptible
from harness.ways import Played, Told
from harness.ways.account import Account, settle
from harness.ways.handlers import Handlers
from harness.ways.readback import Messages, Readback
from k2pipeline.stack import Stack

_HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.05
_WATCH_S: Final = 0.5
_BACK_LIMIT_S: Final = 45.0
_QUIET_S: Final = 5.0
_DOUBTFUL_QUIET_S: Final = 3.0
_TAIL_QUIET_S: Final = 1.0
_READ_LIMIT_S: Final = 300.0


def open_way(planned: Plan) -> WebSocketWay:
    """Raises CaptureError for frames that no feed handler can carry, FaultError for a fault given twice."""
    scenario = planned.scenario
    if scenario.captures:
        source = recorded(scenario.captures)
    else:
        source = generated(planned.duration_ns, scenario.seed, scenario.symbols, scenario.id_jumps)
    found = programme(source, planned.pace, planned.faults, scenario.seed)
    found.catalogue.require_fed()
    FaultChain(found.on_frames, found.seed)
    make_faults(found.on_lines, found.seed)
    return WebSocketWay(found)


Attend = Callable[[Handlers], AbstractAsyncContextManager[object]]
"""What happens to the handlers while the frames are played."""


class WebSocketWay:
    """See harness.ways.Way. `each`: so many handlers of each exchange side by side, which get everything twice."""

    def __init__(self, programme: Programme, attend: Attend = nullcontext, each: int = 1) -> None:
        self._programme = programme
        self._attend = attend
        self._each = each

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        ledger = directory / "ledger.parquet"
        with interruptible() as interruption:
            with SentLog(directory / "sent.parquet") as sent:
                performance = _Performance(
                    self._programme, running, directory, told, sent, interruption, self._attend, self._each
                )
                asyncio.run(performance.run())
            told("matching what was sent with the topics")
            messages = performance.messages
            account = settle(sent.path, sent.doubts, messages.frame(), self._programme.dialects, ledger)
            performance.show.check_effect()
            # What the exchange sent again by itself was sent too.
            stats = replace(
                performance.show.stats(ledger), frames_sent=sent.handed_rows, trades_sent=sent.handed_trades
            )
        sent.path.unlink()  # all of it is in the ledger now
        logs = tuple(sorted((directory / "handlers").glob("*.log")))
        return Played(stats, _checks(account, messages, performance.codes), logs)


class _Performance:
    """One play: the server, the handlers, and the frames between them."""

    def __init__(
        self,
        programme: Programme,
        running: Stack,
        directory: Path,
        told: Told,
        sent: SentLog,
        interruption: Interruption,
        attend: Attend,
        each: int,
    ) -> None:
        self.show = Show(
            programme,
            sent,
            is_interrupted=interruption.is_requested,
            progress=lambda frames, trades: told(f"{frames:,} frames, {trades:,} trades"),
            kill=lambda exchange: self._handlers.kill(exchange),
            probes=True,
        )
        self.messages = Messages()
        self._handlers: Handlers
        self._programme, self._running, self._directory, self._told = programme, running, directory, told
        self._sent, self._interruption, self._attend, self._each = sent, interruption, attend, each

    @property
    def codes(self) -> Mapping[str, int | None]:
        """The handlers' exit codes, by name."""
        return self._handlers.codes

    async def run(self) -> None:
        """Play everything, and wait until the handlers have passed it on and are gone."""
        readback = Readback(self._running.bootstrap)
        try:
            async with self.show.server.listening(_HOST, 0) as port:
                self._handlers = self._start_of_handlers(port)
                try:
                    await self._with_handlers(readback)
                finally:
                    self._handlers.close()
        finally:
            readback.close()
        self.messages = readback.messages

    def _start_of_handlers(self, port: int) -> Handlers:
        symbols = self._programme.catalogue.symbols
        paths = {dialect.exchange: dialect.path for dialect in self._programme.dialects if dialect.is_fed}
        urls = {exchange: f"ws://{_HOST}:{port}{paths[exchange]}" for exchange in symbols}
        return Handlers(self._running.bootstrap, urls, symbols, self._directory / "handlers", self._each)

    async def _with_handlers(self, readback: Readback) -> None:
        self._told("waiting for the feed handlers")
        await self._handlers.start()
        async with self._attend(self._handlers):
            await self._unless_one_dies(self.show.play())
        await self._come_back()
        quiet_s = _DOUBTFUL_QUIET_S if self._sent.doubts else _QUIET_S
        await self._read(readback, until=self._sent.handed_rows, quiet_s=quiet_s)
        await self._handlers.stop()
        await self._read(readback, until=2**62, quiet_s=_TAIL_QUIET_S)

    async def _unless_one_dies(self, play: Coroutine[None, None, None]) -> None:
        """Play, and give up as soon as a handler ends by itself."""
        playing = asyncio.ensure_future(play)
        try:
            while not (await asyncio.wait((playing,), timeout=_WATCH_S))[0]:
                self._handlers.require_alive()
        finally:
            playing.cancel()
        await playing

    async def _come_back(self) -> None:
        """Wait until whoever was cut off has come back for what was kept, and all have what they were sent."""
        floor, waited_s, streams = self.show.floor, 0.0, _streams(self._programme)
        while waited_s < _BACK_LIMIT_S and not self._interruption.requested:
            lines = floor.feeding()
            if floor.is_attended(streams) and floor.is_whole and all(line.is_answered for line in lines):
                break
            self._handlers.require_alive()
            await asyncio.sleep(_POLL_S)
            waited_s += _POLL_S
        for line in floor.feeding():
            line.confirm()

    async def _read(self, readback: Readback, *, until: int, quiet_s: float) -> None:
        """Read the topics until so much is there, or nothing comes any more. The server goes on meanwhile."""
        handed = self._sent.handed_rows
        read = partial(
            readback.read,
            until=until,
            quiet_s=quiet_s,
            limit_s=_READ_LIMIT_S,
            told=lambda count: self._told(f"{count:,} of {handed:,} frames passed on"),
        )
        await asyncio.get_running_loop().run_in_executor(None, read)


def _streams(programme: Programme) -> Mapping[str, tuple[str, ...]]:
    """By dialect, what the feed handlers are subscribed to, over however many connections."""
    symbols = programme.catalogue.symbols
    return {
        dialect.name: tuple(map(dialect.stream, symbols.get(dialect.exchange, ())))
        for dialect in programme.dialects
        if dialect.is_fed
    }


def _checks(account: Account, messages: Messages, codes: Mapping[str, int | None]) -> tuple[CheckResult, ...]:
    """What can be said of the handlers before anything is in the warehouse."""
    badly = {name: code for name, code in codes.items() if code != 0}
    return (
        _check(
            "no_frame_lost",
            account.lost,
            account.lost_sample,
            "Every frame that was sent to a feed handler is in its topic, byte for byte.",
        ),
        _check(
            "no_phantom_frame",
            account.phantom,
            account.phantom_sample,
            "No message is in a topic that was not sent, or not as often.",
        ),
        _check(
            "messages_are_as_agreed",
            messages.strange,
            messages.strange_sample,
            "Key, timestamp and headers of every message are what the pipeline builds on.",
        ),
        _check(
            "handlers_end_well",
            len(badly),
            [{"handler": name, "exit_code": str(code)} for name, code in badly.items()],
            "SIGTERM ends a feed handler with exit code 0, after it has passed on what it had.",
        ),
    )


def _check(name: str, unexpected: int, sample: Iterable[Mapping[str, str]], why: str) -> CheckResult:
    return CheckResult(
        suite="wire",
        name=name,
        layer="topic",
        kind="exact",
        severity="critical",
        success=not unexpected,
        unexpected=unexpected,
        sample=tuple(sample),
        error=None,
        seconds=0.0,
        why=why,
    )
