-- Candles of fifteen minutes; and the view that computes all wider candles from those of 5m.
CREATE TABLE IF NOT EXISTS ohlcv_15m
(
    exchange         LowCardinality(String)  COMMENT 'exchange, lower case',
    canonical_symbol LowCardinality(String)  COMMENT 'base/quote in common names',
    window_start     DateTime('UTC')         COMMENT 'start of the fifteen minutes; the window is [start, end)',
    open_price       Decimal(38, 18)         COMMENT 'price of the first trade by (timestamp, source order)',
    open_time        DateTime64(6, 'UTC')    COMMENT 'its timestamp',
    high_price       Decimal(38, 18)         COMMENT 'highest price',
    low_price        Decimal(38, 18)         COMMENT 'lowest price',
    close_price      Decimal(38, 18)         COMMENT 'price of the last trade by (timestamp, source order)',
    close_time       DateTime64(6, 'UTC')    COMMENT 'its timestamp',
    volume           Decimal(76, 18)         COMMENT 'sum of quantity, exact',
    quote_volume     Decimal(76, 36)         COMMENT 'sum of price * quantity, exact',
    trade_count      UInt64                  COMMENT 'valid trades, each identity once',
    updated_at       DateTime64(6, 'UTC')    COMMENT 'when this state of the candle was computed'
)
ENGINE = ReplacingMergeTree(trade_count)
PARTITION BY toYYYYMM(updated_at)
ORDER BY (exchange, canonical_symbol, window_start)
TTL toDateTime(updated_at) + INTERVAL 1 YEAR
SETTINGS index_granularity = 1024, auto_statistics_types = ''
COMMENT 'Candles of fifteen minutes. Read ohlcv_15m_view: a candle stands here in each of its states until parts merge';

-- For views on ohlcv_5m to read the whole table through.
CREATE TABLE IF NOT EXISTS ohlcv_5m_states
ENGINE = Merge(currentDatabase(), '^ohlcv_5m$')
COMMENT 'Candles of 5m in all their states';

-- window_s: length of the window in seconds.
CREATE TABLE IF NOT EXISTS ohlcv_from_5m ENGINE = Null EMPTY AS
SELECT toUInt32(0) AS window_s, * FROM ohlcv_5m;

-- Like 004_ohlcv_1m.sql, for wider windows.
CREATE MATERIALIZED VIEW IF NOT EXISTS ohlcv_from_5m_mv TO ohlcv_from_5m AS
SELECT
    window_s,
    exchange,
    canonical_symbol,
    toDateTime(intDiv(toUnixTimestamp(part_start), window_s) * window_s, 'UTC') AS window_start,
    argMin(parts.open_price, part_start) AS open_price,
    min(parts.open_time) AS open_time,
    max(parts.high_price) AS high_price,
    min(parts.low_price) AS low_price,
    argMax(parts.close_price, part_start) AS close_price,
    max(parts.close_time) AS close_time,
    sum(parts.volume) AS volume,
    sum(parts.quote_volume) AS quote_volume,
    sum(parts.trade_count) AS trade_count,
    now64(6, 'UTC') AS updated_at
FROM (SELECT 1 FROM ohlcv_5m LIMIT 1) AS inserted
CROSS JOIN (
    SELECT * EXCEPT (window_start), window_start AS part_start
    FROM (
        SELECT *, true AS is_inserted FROM ohlcv_5m
        UNION ALL
        SELECT *, false AS is_inserted FROM ohlcv_5m_states
        WHERE (exchange, canonical_symbol, toStartOfDay(window_start)) IN (
            SELECT exchange, canonical_symbol, toStartOfDay(window_start) FROM ohlcv_5m)
    )
    ORDER BY trade_count DESC, is_inserted DESC
    LIMIT 1 BY exchange, canonical_symbol, window_start
) AS parts
ARRAY JOIN [900, 1800, 3600, 86400] AS window_s
GROUP BY window_s, exchange, canonical_symbol, window_start
HAVING max(is_inserted);

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlcv_15m_mv TO ohlcv_15m AS
SELECT * EXCEPT (window_s) FROM ohlcv_from_5m WHERE window_s = 900;

CREATE VIEW IF NOT EXISTS ohlcv_15m_view AS
SELECT
    exchange,
    canonical_symbol,
    window_start,
    open_price AS open,
    high_price AS high,
    low_price AS low,
    close_price AS close,
    volume,
    quote_volume,
    divideDecimal(quote_volume, volume, 18) AS vwap,
    trade_count,
    open_time,
    close_time,
    updated_at
FROM ohlcv_15m FINAL
COMMENT 'Candles of fifteen minutes, exactly one row per window';
