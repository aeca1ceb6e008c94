"""Which of the frames that were sent are in the topics, and whose loss the others are.

A frame that was sent and a message are matched by their bytes: the k-th sending of a text with the k-th message
of it. What is left over of the messages was never sent (phantoms). What is left over of the sent frames is

    owed        handed to a connection that stayed, or whose handler went away, or not handed to anybody because
                there was no handler: the pipeline has lost it
    not owed    in doubt (handed to a connection that the exchange then cut off) or held back by the exchange on
                purpose, or it came again and arrived then: nothing is lost, or nothing that the pipeline could
                have had. Trades that nobody brought stand as gaps

and so it stands in the ledger, whose columns are harness/ledger.py's; `acked_ns` is null, for it is the handler
that saw the acknowledgements.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from harness.exchange.dialect import Dialect, dialect_of
from harness.exchange.sent import Doubt
from harness.ledger import SCHEMA
from harness.ways.readback import digest, topic_for

BATCH_ROWS: Final = 16_384
SAMPLE: Final = 20


@dataclass(frozen=True, slots=True)
class Account:
    """What the comparison of what was sent with the topics found, with a few examples each.

    lost: frames that were owed and are in no topic. phantom: messages that nobody sent.
    """

    lost: int
    lost_sample: tuple[Mapping[str, str], ...]
    phantom: int
    phantom_sample: tuple[Mapping[str, str], ...]


def settle(
    sent: Path, doubts: Mapping[int, Doubt], messages: pl.DataFrame, dialects: tuple[Dialect, ...], ledger: Path
) -> Account:
    """Match, judge what is left over, and write the ledger.

    `sent` is a file of SentLog and `doubts` its doubts; `messages` has digest, topic, partition, offset, recv_ns.
    """
    rows = _sendings(sent, doubts)
    matched = _match(rows, messages)
    judged = _judge(sent, matched, dialects)
    _write(sent, judged, ledger)
    lost = judged.filter(pl.col("offset").is_null(), pl.col("owed"), pl.col("is_handed") | pl.col("is_unheard"))
    phantom = _phantoms(matched, messages)
    return Account(len(lost), _sample(lost, "seq", "exchange", "symbol"), len(phantom), _sample(phantom, *_PLACE))


_PLACE: Final = ("topic", "partition", "offset")


def _sendings(sent: Path, doubts: Mapping[int, Doubt]) -> pl.DataFrame:
    """A row for each row of `sent`, without the frames.

    `is_doubtful`: it may not have arrived. `is_excused`: if it did not, the exchange is to blame.
    """
    parts = []
    for table in _batches(sent):
        rows = table.to_pydict()
        fates = [_fate(doubts.get(conn), place) for conn, place in zip(rows["conn"], rows["place"], strict=True)]
        parts.append(
            pl.DataFrame(
                {
                    "exchange": rows["exchange"],
                    "symbol": rows["symbol"],
                    "kind": rows["kind"],
                    "owed": rows["owed"],
                    "is_extra": rows["extra"],
                    "is_unheard": rows["unheard"],
                    "is_handed": [conn is not None for conn in rows["conn"]],
                    "is_doubtful": [fate[0] for fate in fates],
                    "is_excused": [fate[1] for fate in fates],
                    "digest": [
                        digest(exchange, topic_for(exchange, kind), frame)
                        for exchange, kind, frame in zip(rows["exchange"], rows["kind"], rows["frame"], strict=True)
                    ],
                },
                schema_overrides={"digest": pl.Binary},
            )
        )
    return pl.concat(parts).with_row_index("seq") if parts else _NOTHING


_NOTHING: Final = pl.DataFrame(
    schema={
        "seq": pl.UInt32,
        **dict.fromkeys(("exchange", "symbol", "kind"), pl.String),
        **dict.fromkeys(("owed", "is_extra", "is_unheard", "is_handed", "is_doubtful", "is_excused"), pl.Boolean),
        "digest": pl.Binary,
    }
)


def _fate(doubt: Doubt | None, place: int | None) -> tuple[bool, bool]:
    if doubt is None or place is None or place < doubt.place:
        return False, False
    return True, not doubt.ending.is_owed


def _match(rows: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """`rows` with topic, partition, offset and recv_ns of their messages, null where there is none.

    Where there are fewer messages of a text than sendings, those in doubt go without one first.
    """
    arrived = messages.group_by("digest").len("arrived")
    handed = (
        rows.filter("is_handed")
        .join(arrived, on="digest", how="left", maintain_order="left")
        .with_columns(
            missing=pl.len().over("digest") - pl.col("arrived").fill_null(0).cast(pl.Int64),
            doubt_rank=pl.col("is_doubtful").cast(pl.Int64).cum_sum().over("digest"),
        )
    )
    expected = handed.filter(~(pl.col("is_doubtful") & (pl.col("doubt_rank") <= pl.col("missing"))))
    pairs = expected.select("seq", "digest", turn=pl.int_range(pl.len()).over("digest")).join(
        messages.sort("recv_ns", "offset").with_columns(turn=pl.int_range(pl.len()).over("digest")),
        on=("digest", "turn"),
        how="inner",
    )
    return rows.join(pairs.select("seq", *_PLACE, "recv_ns"), on="seq", how="left", maintain_order="left")


def _judge(sent: Path, matched: pl.DataFrame, dialects: tuple[Dialect, ...]) -> pl.DataFrame:
    """`matched` with `owed` as it finally is."""
    is_missing = pl.col("offset").is_null() & pl.col("owed")
    is_open = is_missing & (pl.col("is_doubtful") | pl.col("is_unheard"))
    open_rows = matched.filter(is_open)
    if open_rows.is_empty():
        return matched
    came_again = _came_again(sent, matched, set(open_rows["seq"]), dialects)
    is_forgiven = is_open & (pl.col("is_excused") | pl.col("is_extra") | pl.col("seq").is_in(came_again))
    return matched.with_columns(owed=pl.col("owed") & ~is_forgiven)


def _came_again(sent: Path, matched: pl.DataFrame, open_seqs: set[int], dialects: tuple[Dialect, ...]) -> list[int]:
    """Of the rows that are open, those all of whose trades are in other rows that arrived, or had to."""
    keys = {seq: keys for seq, keys in _keys(sent, dialects) if seq in open_seqs}
    sought = {key for found in keys.values() for key in found}
    firm = matched.select(
        (pl.col("offset").is_not_null() | (pl.col("is_handed") & ~pl.col("is_doubtful"))).alias("firm")
    )["firm"]
    found_again = {key for seq, found in _keys(sent, dialects) if firm[seq] for key in found if key in sought}
    return [seq for seq, found in keys.items() if all(key in found_again for key in found)]


def _keys(sent: Path, dialects: tuple[Dialect, ...]) -> Iterator[tuple[int, tuple[Hashable, ...]]]:
    """Each row's seq and what tells its trades apart; its own bytes where there are none."""
    seq = 0
    for table in _batches(sent, ["exchange", "frame"]):
        for exchange, frame in zip(table["exchange"].to_pylist(), table["frame"].to_pylist(), strict=True):
            found = dialect_of(dialects, exchange, frame).trade_keys(frame)
            yield seq, tuple((exchange, key) for key in found) or ((exchange, frame),)
            seq += 1


def _phantoms(matched: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    return messages.join(matched.filter(pl.col("offset").is_not_null()), on=_PLACE, how="anti")


def _write(sent: Path, judged: pl.DataFrame, ledger: Path) -> None:
    """The ledger, batch by batch: what was sent beside what became of it."""
    start = 0
    with pq.ParquetWriter(ledger, SCHEMA, compression="zstd", compression_level=1) as writer:
        for table in _batches(sent):
            fate = judged.slice(start, len(table))
            start += len(table)
            topics = [
                topic_for(exchange, kind) if is_handed else None
                for exchange, kind, is_handed in fate.select("exchange", "kind", "is_handed").iter_rows()
            ]
            columns = {
                "seq": fate["seq"].cast(pl.Int64).to_arrow(),
                "recv_ns": fate["recv_ns"].fill_null(pl.from_arrow(table["scheduled_ns"])).to_arrow(),
                "acked_ns": pa.nulls(len(table), pa.int64()),
                "topic": pa.array(topics, pa.string()),
                "partition": fate["partition"].to_arrow(),
                "offset": fate["offset"].to_arrow(),
                "owed": fate["owed"].to_arrow(),
            }
            arrays = [columns.get(name) if name in columns else table[name] for name in SCHEMA.names]
            writer.write_table(pa.table(arrays, schema=SCHEMA))


def _batches(sent: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    with pq.ParquetFile(sent) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=columns):
            yield pa.table(batch)


def _sample(rows: pl.DataFrame, *columns: str) -> tuple[Mapping[str, str], ...]:
    return tuple({name: str(row[name]) for name in columns} for row in rows.head(SAMPLE).iter_rows(named=True))
