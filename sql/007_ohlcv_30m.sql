-- Candles of one half hour. 006_ohlcv_15m.sql computes them from those of 5m.
CREATE TABLE IF NOT EXISTS ohlcv_30m
(
    exchange         LowCardinality(String)  COMMENT 'exchange, lower case',
    canonical_symbol LowCardinality(String)  COMMENT 'base/quote in common names',
    window_start     DateTime('UTC')         COMMENT 'start of the half hour; the window is [start, end)',
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
COMMENT 'Candles of one half hour. Read ohlcv_30m_view: a candle stands here in each of its states until parts merge';

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlcv_30m_mv TO ohlcv_30m AS
SELECT * EXCEPT (window_s) FROM ohlcv_from_5m WHERE window_s = 1800;

CREATE VIEW IF NOT EXISTS ohlcv_30m_view AS
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
FROM ohlcv_30m FINAL
COMMENT 'Candles of one half hour, exactly one row per window';
