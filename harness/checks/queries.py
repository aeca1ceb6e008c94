"""The SQL of the checks; all of it runs inside the warehouse.

A *batch* is the query whose rows are checked, in parentheses; a *truth* is the table it is compared with, and a
*key* the columns that tell a row. Both sides are read once and grouped by the key: on a million rows each that
takes 0.3 s where a join takes 0.5 s, and it can spill to disk. Columns outside the key take part as one 64-bit
hash a row, so two rows that differ pass for equal once in 10^19.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.checks.columns import Pair

SAMPLE_ROWS: Final = 20
_POSITION: Final = "_topic, _partition, _offset, trade_index"
_SOURCE: Final = "source_topic, source_partition, source_offset, source_index"


def presence(batch: str, truth: str, key: Sequence[str]) -> str:
    """Over all keys: rows lost, keys that are phantoms, rows beyond the first of a key."""
    return f"""
SELECT
    sum(greatest(owed - found, 0)) AS lost,
    countIf(owed = 0) AS phantom,
    sum(greatest(found - 1, 0)) AS doubled
FROM (
    SELECT {_list(key)}, sum(is_owed) AS owed, sum(1 - is_owed) AS found
    FROM (
        SELECT {_list(key)}, 1 AS is_owed FROM {truth}
        UNION ALL
        SELECT {_list(key)}, 0 AS is_owed FROM {batch}
    )
    GROUP BY {_list(key)}
)"""


def absent(from_: str, rows_of: str, key: Sequence[str], shown: Sequence[str]) -> str:
    """Rows of one side whose key the other side does not have. A key with NULL in it matches nothing."""
    return f"""
SELECT {_list([*key, *shown])}
FROM {rows_of} AS one
LEFT ANTI JOIN (SELECT {_list(key)} FROM {from_}) AS other USING ({_list(key)})"""


def doubled(batch: str, key: Sequence[str]) -> str:
    """Keys that stand in more than one row."""
    return f"""
SELECT {_list(key)}, count() AS rows
FROM {batch}
GROUP BY {_list(key)}
HAVING rows > 1"""


def differing(batch: str, truth: str, key: Sequence[str], pairs: Sequence[Pair]) -> str:
    """How many keys stand on both sides with different values."""
    return f"SELECT count() AS differing FROM ({_differing_keys(batch, truth, key, pairs)}\n)"


def differences(batch: str, truth: str, key: Sequence[str], pairs: Sequence[Pair], limit: int = SAMPLE_ROWS) -> str:
    """Of up to `limit` of these keys every column that differs, with the value expected and the actual one."""
    keys = _list(key)
    return f"""
WITH
some AS ({_differing_keys(batch, truth, key, pairs)}
    ORDER BY {keys} LIMIT {limit}),
expected AS (SELECT {keys}, {_texts(pair.expected for pair in pairs)} AS texts FROM {truth} WHERE ({keys}) IN some),
actual AS (SELECT {keys}, {_texts(pair.actual for pair in pairs)} AS texts FROM {batch} WHERE ({keys}) IN some)
SELECT {keys}, difference.1 AS column, difference.2 AS expected, difference.3 AS actual
FROM (
    SELECT {keys}, arrayJoin(arrayFilter(triple -> triple.2 != triple.3, arrayZip(
        [{_list(_text(pair.column) for pair in pairs)}], expected.texts, actual.texts))) AS difference
    FROM expected INNER JOIN actual USING ({keys})
)"""


def disagreeing(batch: str, other: str, key: Sequence[str], pairs: Sequence[Pair]) -> str:
    """Keys that do not have as many rows, with the same values, in the batch as in another table."""
    return f"""
SELECT {_list(key)}, sum(1 - is_owed) AS rows_here, sum(is_owed) AS rows_there
FROM ({_both_sides(batch, other, key, pairs)}
)
GROUP BY {_list(key)}
HAVING rows_here != rows_there OR min(fingerprint) != max(fingerprint)"""


def alike(batch: str, other: str, key: Sequence[str], pairs: Sequence[Pair]) -> str:
    """1 where a batch and another table have the same rows, by their number and the sum of their hashes, else 0."""
    expected = _list([*key, *(pair.expected for pair in pairs)])
    actual = _list([*key, *(pair.actual for pair in pairs)])
    return f"""
SELECT toUInt8((SELECT (count(), sum(cityHash64(tuple({actual})))) FROM {batch})
    = (SELECT (count(), sum(cityHash64(tuple({expected})))) FROM {other})) AS alike"""


def unconserved_offsets(batch: str, topic: str) -> str:
    """Acknowledged offsets that are neither bronze rows, one for each trade, nor one dead letter, or are both."""
    return f"""
SELECT {_text(topic)} AS _topic, _partition, _offset,
    sum(trades) AS trades_sent, sum(is_row) AS bronze_rows, sum(is_letter) AS letters
FROM (
    SELECT partition AS _partition, offset AS _offset, trades, 1 AS is_sent, 0 AS is_row, 0 AS is_letter
    FROM k2_truth.frames WHERE topic = {_text(topic)} AND offset IS NOT NULL
    UNION ALL
    SELECT _partition, _offset, 0, 0, 1, 0 FROM {batch} WHERE _topic = {_text(topic)}
    UNION ALL
    SELECT _partition, _offset, 0, 0, 0, 1 FROM k2.dead_letters FINAL
    WHERE layer = 'bronze' AND _topic = {_text(topic)}
)
GROUP BY _partition, _offset
HAVING sum(is_sent) > 0
    AND NOT (letters = 0 AND bronze_rows > 0 AND bronze_rows = trades_sent)
    AND NOT (letters = 1 AND bronze_rows = 0)"""


def unlettered_offsets(batch: str, topic: str) -> str:
    """Acknowledged offsets of a topic without trades that are not exactly one dead letter of the batch."""
    return f"""
SELECT {_text(topic)} AS _topic, _partition, _offset, sum(is_letter) AS letters
FROM (
    SELECT partition AS _partition, offset AS _offset, 1 AS is_sent, 0 AS is_letter
    FROM k2_truth.frames WHERE topic = {_text(topic)} AND offset IS NOT NULL
    UNION ALL
    SELECT _partition, _offset, 0, 1 FROM {batch} WHERE layer = 'bronze' AND _topic = {_text(topic)}
)
GROUP BY _partition, _offset
HAVING sum(is_sent) > 0 AND letters != 1"""


def unconserved_trades(batch: str, exchange: str, identity: str, since_us: int | None = None) -> str:
    """Bronze trades that are neither in silver nor a silver letter, or are both.

    In silver is an identity, by whichever arrival; so a trade is both only if this arrival of it is in both. Of silver
    only what was written on the day of `since_us` (since 1970) or later is read, if that is given: parts of two days
    are never merged, so each day keeps a row of every trade that came on it.

    A million trades of a day are grouped by a hash of 128 bits of their identity, which can spill to disk; a set of
    them all could not.
    """
    hashed = "sipHash128(toString(symbol), {})".format
    written = f" AND processed_at >= {_start_of_day(since_us)}" if since_us is not None else ""
    silver = f"exchange = {_text(exchange)}{written}"
    letters = f"""
        SELECT {_POSITION} FROM k2.dead_letters FINAL WHERE layer = 'silver' AND exchange = {_text(exchange)}"""
    return f"""
WITH
    {hashed(identity)} NOT IN (
        SELECT hash FROM (
            SELECT {hashed(identity)} AS hash, 1 AS is_bronze FROM {batch}
            UNION ALL
            SELECT {hashed("trade_id")} AS hash, 0 AS is_bronze FROM k2.silver_trades WHERE {silver}
        )
        GROUP BY hash HAVING min(is_bronze) = 1) AS in_silver,
    ({_POSITION}) IN ({letters}) AS is_letter,
    ({_POSITION}) IN (
        SELECT {_SOURCE} FROM k2.silver_trades FINAL
        WHERE {silver} AND ({_SOURCE}) IN ({letters})) AS is_silver_row
SELECT {_POSITION}, symbol, {identity} AS identity, in_silver, is_letter
FROM {batch}
WHERE NOT in_silver AND NOT is_letter OR is_silver_row AND is_letter"""


def gaps(batch: str, truth: str, injected: str) -> str:
    """Counts of trade ids: those never sent that are seen to be missing, and those on which the two do not agree."""
    return f"""
SELECT countIf(is_gap AND is_missing) AS gaps_found, countIf(is_gap != is_missing) AS unexpected
FROM ({_gaps(batch, truth, injected)}
)"""


def gaps_beside_the_injected(batch: str, truth: str, injected: str) -> str:
    """Ids that are missing although they were sent, and ids never sent that are not seen to be missing."""
    return f"SELECT * FROM ({_gaps(batch, truth, injected)}\n) WHERE is_gap != is_missing"


def rows_where(batch: str, condition: str, shown: Sequence[str]) -> str:
    """Rows that should not be."""
    return f"SELECT {_list(shown)} FROM {batch} WHERE {condition}"


def count_of(query: str) -> str:
    """How many rows a query has."""
    return f"SELECT count() AS unexpected FROM ({query}\n)"


def some_of(query: str, limit: int = SAMPLE_ROWS) -> str:
    """A few rows of a query, always the same ones."""
    return f"SELECT * FROM ({query}\n) ORDER BY ALL LIMIT {limit}"


def _gaps(batch: str, truth: str, injected: str) -> str:
    """Ids that are missing, and ids that should be.

    An id is missing where silver has a smaller and a larger one of its symbol, and where it was due: ids are
    far apart by nature in some captures, so due is what stands in the truth or was left out on purpose.
    """
    market = "SELECT exchange, symbol, min(id) AS first, max(id) AS last FROM"
    return f"""
WITH
owed AS (SELECT exchange, symbol, toUInt64OrNull(trade_id) AS id FROM {truth} WHERE id IS NOT NULL),
there AS (SELECT exchange, symbol, toUInt64OrNull(trade_id) AS id FROM {batch} WHERE id IS NOT NULL)
SELECT exchange, symbol, id AS trade_id,
    is_injected AND NOT is_owed AND id BETWEEN owed_ids.first AND owed_ids.last AS is_gap,
    NOT is_there AND id BETWEEN found_ids.first AND found_ids.last AS is_missing
FROM (
    SELECT exchange, symbol, id, max(owed) AS is_owed, max(injected) AS is_injected, max(found) AS is_there
    FROM (
        SELECT exchange, symbol, id, true AS owed, false AS injected, false AS found FROM owed
        UNION ALL
        SELECT exchange, symbol, trade_id, false, true, false FROM {injected}
        UNION ALL
        SELECT exchange, symbol, id, false, false, true FROM there
    )
    GROUP BY exchange, symbol, id
    HAVING is_injected OR is_owed AND NOT is_there
) AS suspect
LEFT JOIN ({market} owed GROUP BY exchange, symbol) AS owed_ids USING (exchange, symbol)
LEFT JOIN ({market} there GROUP BY exchange, symbol) AS found_ids USING (exchange, symbol)
WHERE is_gap OR is_missing"""


def _differing_keys(batch: str, truth: str, key: Sequence[str], pairs: Sequence[Pair]) -> str:
    return f"""
    SELECT {_list(key)} FROM ({_both_sides(batch, truth, key, pairs)}
    )
    GROUP BY {_list(key)}
    HAVING min(is_owed) != max(is_owed) AND min(fingerprint) != max(fingerprint)"""


def _both_sides(batch: str, truth: str, key: Sequence[str], pairs: Sequence[Pair]) -> str:
    # A tuple: of bare arguments, one NULL would make the whole hash NULL.
    return f"""
        SELECT {_list(key)}, 1 AS is_owed, cityHash64(tuple({_list(pair.expected for pair in pairs)})) AS fingerprint
        FROM {truth}
        UNION ALL
        SELECT {_list(key)}, 0, cityHash64(tuple({_list(pair.actual for pair in pairs)})) FROM {batch}"""


def _start_of_day(us: int) -> str:
    # A trade that is written to bronze before midnight may reach silver after it, and clocks are read twice.
    return f"toStartOfDay(subtractHours(fromUnixTimestamp64Micro({us}, 'UTC'), 1))"


def _texts(expressions: Iterable[str]) -> str:
    return f"[{_list(f'''ifNull(toString({expression}), 'NULL')''' for expression in expressions)}]"


def _list(expressions: Iterable[str]) -> str:
    return ", ".join(expressions)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
