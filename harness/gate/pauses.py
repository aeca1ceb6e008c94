"""How long consumption stood still: the longest time between two writes into a table of trades, around a migration."""

from __future__ import annotations

from typing import Final

from harness.gate.snapshot import Query, Snapshot

_CLOCKS: Final = ("ingested_at", "processed_at")


def longest_pause(query: Query, structure: Snapshot, database: str, times_us: tuple[int, int, int]) -> float | None:
    """The longest time around the migration in which a table of trades was not written to, in seconds; None if there is
    no such table. `times_us` are when the migration began, when it ended, and when the last trade had been sent.
    """
    pauses_us = []
    for each in structure.objects.values():
        clock = next((column.name for column in each.columns if column.name in _CLOCKS), None)
        is_trades = any(column.name == "trade_id" for column in each.columns)
        if clock and is_trades and each.is_readable and not each.shows_others:
            pauses_us.append(_pause_us(query, f"{database}.`{each.name}`", clock, times_us))
    return round(max(pauses_us) / 1e6, 3) if pauses_us else None


def _pause_us(query: Query, table: str, clock: str, times_us: tuple[int, int, int]) -> int:
    """The longest time between two writes that lies in the migration or reaches into it.

    A table that is written to no more stands still until the last trade was sent, and one that never was, all the time.
    """
    began_us, ended_us, over_us = times_us
    written = f"SELECT toUnixTimestamp64Micro({clock}) AS at_us FROM {table}"
    last = f"SELECT greatest(max(at_us), toInt64({over_us})) AS at_us FROM (SELECT at_us FROM ({written}))"
    first = f"least(at_us, toInt64({began_us}))"
    window = "ORDER BY at_us ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"
    previous = f"lagInFrame(at_us, 1, {first}) OVER ({window}) AS before_us"
    (row,) = query(
        f"SELECT max(at_us - before_us) AS pause_us "
        f"FROM (SELECT at_us, {previous} FROM ({written} UNION DISTINCT {last})) "
        f"WHERE at_us >= {began_us} AND before_us <= {ended_us}"
    )
    return int(row["pause_us"])
