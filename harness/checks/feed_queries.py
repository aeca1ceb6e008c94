"""The SQL of the checks on what came in. A *batch* is a query in parentheses; what is not here is in queries.py.

Where everything is well a check reads its few columns once: what is slow (windows over single rows, joins) runs only
over what a first look found suspicious, or over seconds and minutes instead of trades.
"""

from __future__ import annotations

from collections.abc import Sequence

BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
WITH_THE_ONE_BEFORE = "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"


def missing_numbers(batch: str, key: Sequence[str], number: str, moment: str) -> str:
    """Ranges of numbers missing between two that are there, one row a range, by key.

    `number` is SQL for a UInt64, NULL where a row has none; `moment` the time that is shown of both neighbours. Numbers
    that follow each other take a bit each in a bitmap, where a set of them takes a hundred times that.
    """
    keys = ", ".join(key)
    window = f"(PARTITION BY {keys} ORDER BY number {WITH_THE_ONE_BEFORE})"
    return f"""
WITH
numbered AS (
    SELECT {keys}, assumeNotNull({number}) AS number, {moment} AS moment FROM {batch} WHERE {number} IS NOT NULL
),
suspects AS (SELECT {keys} FROM numbered GROUP BY {keys} HAVING max(number) - min(number) != groupBitmap(number) - 1)
SELECT {keys}, before + 1 AS first_missing, number - 1 AS last_missing, number - before - 1 AS missing,
    moment_before AS last_seen, moment AS seen_again
FROM (
    SELECT {keys}, number, moment, lagInFrame(number, 1, number) OVER {window} AS before,
        lagInFrame(moment, 1, moment) OVER {window} AS moment_before
    FROM numbered WHERE ({keys}) IN suspects
)
WHERE number - before > 1"""


def out_of_order(batch: str, key: Sequence[str], value: str, order: Sequence[str], shown: Sequence[str]) -> str:
    """Rows whose value is smaller than that of a row of their key that comes before them in `order`.

    `order` begins with a time: a window over single rows keeps all of them in memory, so each has an hour only, and
    what came before it is known by its maximum.
    """
    keys = ", ".join(key)
    hour = f"dateDiff('hour', toDateTime64(0, 0, 'UTC'), {order[0]})"
    return f"""
WITH before AS (
    SELECT {keys}, hour, max(highest) OVER (PARTITION BY {keys} ORDER BY hour {BEFORE}) AS highest_before
    FROM (SELECT {keys}, {hour} AS hour, max({value}) AS highest FROM {batch} GROUP BY {keys}, hour)
)
SELECT {", ".join(shown)}
FROM (
    SELECT {", ".join(dict.fromkeys([*shown, *key, value]))}, {hour} AS hour,
        max({value}) OVER (PARTITION BY {keys}, {hour} ORDER BY {", ".join(order)} {BEFORE}) AS highest_in_hour
    FROM {batch}
) AS arrival
INNER JOIN before USING ({keys}, hour)
WHERE {value} < greatest(highest_in_hour, highest_before)"""


def behind_watermark(
    batch: str,
    by: Sequence[str],
    time: str,
    received: str,
    *,
    late_s: int,
    ahead_s: int,
    unless: str,
    shown: Sequence[str],
) -> str:
    """Rows more than late_s older than another one, of the same feed, that was received before them.

    A time more than ahead_s ahead of its own receipt is no measure for others. Only seconds of receipt in which some
    row is that old are looked at row by row.
    """
    keys = ", ".join(by)
    second = f"dateDiff('second', toDateTime64(0, 0, 'UTC'), {received})"
    # Both in microseconds: nanoseconds end in the year 2262, and to compare with them a later time is an error.
    latest = f"addSeconds(toDateTime64({received}, 6, 'UTC'), {ahead_s})"
    trusted = f"if({time} > {latest}, toDateTime64(0, 6, 'UTC'), {time})"
    until_then = f"PARTITION BY {keys} ORDER BY second ROWS BETWEEN UNBOUNDED PRECEDING AND"
    return f"""
WITH suspects AS (
    SELECT {keys}, second, watermark_before FROM (
        SELECT {keys}, second, oldest, max(newest) OVER ({until_then} CURRENT ROW) AS watermark_then,
            max(newest) OVER ({until_then} 1 PRECEDING) AS watermark_before
        FROM (
            SELECT {keys}, {second} AS second, min({time}) AS oldest, max({trusted}) AS newest
            FROM {batch} GROUP BY {keys}, second
        )
    )
    WHERE oldest < subtractSeconds(watermark_then, {late_s})
)
SELECT {", ".join(shown)}, dateDiff('second', {time}, greatest(watermark_in_second, watermark_before)) AS seconds_behind
FROM (
    SELECT {", ".join(dict.fromkeys([*shown, *by, time]))}, {unless} AS is_exempt, {second} AS second,
        max({trusted}) OVER (PARTITION BY {keys}, {second} ORDER BY {received} {BEFORE}) AS watermark_in_second
    FROM {batch} WHERE ({keys}, {second}) IN (SELECT {keys}, second FROM suspects)
) AS arrival
INNER JOIN suspects USING ({keys}, second)
WHERE {time} < subtractSeconds(greatest(watermark_in_second, watermark_before), {late_s}) AND NOT is_exempt"""


def silences(batch: str, by: Sequence[str], received: str, *, least_s: int, times_usual: int, pauses: int) -> str:
    """Times in which nothing was received of a feed: at least `least_s`, and times_usual its usual pause.

    The usual pause is the median between seconds in which something came; with fewer than `pauses` of them nothing is
    usual. A silence may last until the last receipt of any feed in the batch.
    """
    keys = ", ".join(by)
    second = f"dateDiff('second', toDateTime64(0, 0, 'UTC'), {received})"
    return f"""
WITH (SELECT max({second}) FROM {batch}) AS last
SELECT {keys}, fromUnixTimestamp64Second(pause.1) AS silent_from, fromUnixTimestamp64Second(pause.2) AS silent_until,
    pause.3 AS silent_s, usual_s
FROM (
    SELECT {keys}, arrayDistinct(arrayPushBack(arraySort(groupUniqArray({second})), last)) AS seconds,
        arrayMap((until, from) -> (from, until, until - from), arrayPopFront(seconds), arrayPopBack(seconds)) AS paused,
        arraySort(paused.3)[intDiv(length(paused) + 1, 2)] AS usual_s
    FROM {batch} GROUP BY {keys} HAVING length(paused) >= {pauses}
)
ARRAY JOIN paused AS pause
WHERE silent_s >= {least_s} AND silent_s >= {times_usual} * usual_s"""


def price_outliers(
    batch: str, by: Sequence[str], *, within_s: int, factor: float, least: int, shown: Sequence[str]
) -> str:
    """Valid trades whose price is more than `factor` times, or less than a `factor`-th of, the median around them.

    Around is the span of within_s that a trade falls into; a span of fewer than `least` trades has no usual price.
    """
    keys = ", ".join(by)
    span = f"toStartOfInterval(timestamp, INTERVAL {within_s} SECOND)"
    return f"""
WITH usual AS (
    SELECT {keys}, {span} AS span, quantileExact(0.5)(toFloat64(price)) AS usual_price
    FROM {batch} WHERE is_valid GROUP BY {keys}, span HAVING count() >= {least}
)
SELECT {", ".join(shown)}, usual_price
FROM (
    SELECT {", ".join(dict.fromkeys([*shown, *by]))}, {span} AS span, toFloat64(price) AS paid
    FROM {batch} WHERE is_valid
) AS trade
INNER JOIN usual USING ({keys}, span)
WHERE paid > usual_price * {factor} OR paid < usual_price / {factor}"""


def disagreements(batch: str, *, within_s: int, factor: float) -> str:
    """Spans in which the mean price of a market is more than `factor` times higher on one exchange than on another."""
    return f"""
SELECT canonical_symbol, span, argMax(exchange, mean) AS dearest, max(mean) AS highest,
    argMin(exchange, mean) AS cheapest, min(mean) AS lowest
FROM (
    SELECT exchange, canonical_symbol, toStartOfInterval(timestamp, INTERVAL {within_s} SECOND) AS span,
        sum(toFloat64(quote_volume)) / sum(toFloat64(quantity)) AS mean
    FROM {batch} WHERE is_valid GROUP BY exchange, canonical_symbol, span
)
GROUP BY canonical_symbol, span
HAVING highest > lowest * {factor}"""


def repeated_arrivals(batch: str, key: Sequence[str], place: Sequence[str], condition: str) -> str:
    """Every arrival of a trade after its first one, by its place, among the rows that meet the condition."""
    keys = ", ".join(key)
    names = [f"repeat.{number} AS {column}" for number, column in enumerate(place, 1)]
    return f"""
WITH repeated AS (SELECT {keys} FROM {batch} WHERE {condition} GROUP BY {keys} HAVING count() > 1)
SELECT {keys}, {", ".join(names)}
FROM (
    SELECT {keys}, groupArray(({", ".join(place)})) AS places
    FROM {batch} WHERE {condition} AND ({keys}) IN repeated GROUP BY {keys}
)
ARRAY JOIN arraySlice(arraySort(places), 2) AS repeat"""
