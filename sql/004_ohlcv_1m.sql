-- Candles of one minute, computed from those of 1s; 003_ohlcv_1s.sql says how and why.
CREATE TABLE IF NOT EXISTS ohlcv_1m
(
    exchange         LowCardinality(String)  COMMENT 'exchange, lower case',
    canonical_symbol LowCardinality(String)  COMMENT 'base/quote in common names',
    window_start     DateTime('UTC')         COMMENT 'start of the minute; the window is [start, end)',
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
SETTINGS index_granularity = 1024
COMMENT 'Candles of one minute. Read ohlcv_1m_view: a candle stands here in each of its states until parts merge';

CREATE VIEW IF NOT EXISTS ohlcv_1s_states AS
SELECT * FROM ohlcv_1s
COMMENT 'Candles of 1s in all their states';

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlcv_1m_mv TO ohlcv_1m AS
SELECT
    exchange,
    canonical_symbol,
    toStartOfInterval(part_start, INTERVAL 1 MINUTE, 'UTC') AS window_start,
    argMin(last.open_price, part_start) AS open_price,
    min(last.open_time) AS open_time,
    max(last.high_price) AS high_price,
    min(last.low_price) AS low_price,
    argMax(last.close_price, part_start) AS close_price,
    max(last.close_time) AS close_time,
    sum(last.volume) AS volume,
    sum(last.quote_volume) AS quote_volume,
    sum(last.trade_count) AS trade_count,
    now64(6, 'UTC') AS updated_at
FROM (SELECT 1 FROM ohlcv_1s LIMIT 1) AS inserted
CROSS JOIN (
    SELECT
        exchange, canonical_symbol, state.window_start AS part_start,
        argMax((open_price, open_time, high_price, low_price, close_price, close_time, volume, quote_volume, trade_count)::Tuple(
            open_price Decimal(38, 18), open_time DateTime64(6, 'UTC'), high_price Decimal(38, 18), low_price Decimal(38, 18),
            close_price Decimal(38, 18), close_time DateTime64(6, 'UTC'), volume Decimal(76, 18), quote_volume Decimal(76, 36),
            trade_count UInt64), trade_count) AS last
    FROM (
        SELECT * FROM ohlcv_1s
        UNION ALL
        SELECT * FROM ohlcv_1s_states
        WHERE (exchange, canonical_symbol, toStartOfInterval(window_start, INTERVAL 1 MINUTE, 'UTC')) IN (
            SELECT exchange, canonical_symbol, toStartOfInterval(window_start, INTERVAL 1 MINUTE, 'UTC') FROM ohlcv_1s)
    ) AS state
    GROUP BY exchange, canonical_symbol, state.window_start
) AS parts
GROUP BY exchange, canonical_symbol, window_start;

CREATE VIEW IF NOT EXISTS ohlcv_1m_view AS
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
FROM ohlcv_1m FINAL
COMMENT 'Candles of one minute, exactly one row per window';
