-- Candles of one second: the base that every wider candle is computed from.
--
-- Why not sums: a trade that comes twice would be added twice, and a crash between silver and gold would lose or double it. So each
-- insert into silver computes the windows it touches anew, with each identity once. The state computed from more trades wins, which
-- makes the order of two states of a window indifferent. docs/decisions/0001-gold-is-recomputed.md has the measurements.
--
-- How: in a materialized view, silver_trades is the block just inserted; through silver_trades_arrivals it is the whole table. Whether
-- the table shows that block already is a race inside the engine, so the view reads both and keeps the first arrival of each
-- identity. The one row of `inserted` ties the view to its source table. Three views compute: seconds from trades (here), minutes
-- and five minutes from seconds (004), all wider windows from five minutes (006). Each reads no table but its own source, because
-- of an insert in several blocks that is the only one which surely shows the earlier blocks.
--
-- No statistics (auto_statistics_types), here as in every table: each merge would make them anew, and no query here gains by them.
CREATE TABLE IF NOT EXISTS ohlcv_1s
(
    exchange         LowCardinality(String)  COMMENT 'exchange, lower case',
    canonical_symbol LowCardinality(String)  COMMENT 'base/quote in common names',
    window_start     DateTime('UTC')         COMMENT 'start of the second; the window is [start, end)',
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
TTL toDateTime(updated_at) + INTERVAL 30 DAY
SETTINGS index_granularity = 1024, auto_statistics_types = ''
COMMENT 'Candles of one second. Read ohlcv_1s_view: a candle stands here in each of its states until parts merge';

-- For views on silver_trades to read the whole table through.
CREATE TABLE IF NOT EXISTS silver_trades_arrivals
ENGINE = Merge(currentDatabase(), '^silver_trades$')
COMMENT 'Silver in all its rows: a resent trade stands in as many as it came';

CREATE VIEW IF NOT EXISTS silver_trades_view AS
SELECT * FROM silver_trades FINAL
COMMENT 'Silver with exactly one row per trade';

-- place: (timestamp, source_sequence, offset and index of the first arrival) as one number. As a tuple the comparisons take six times
-- as long.
CREATE MATERIALIZED VIEW IF NOT EXISTS ohlcv_1s_mv TO ohlcv_1s AS
SELECT
    exchange,
    canonical_symbol,
    toDateTime(first.timestamp, 'UTC') AS window_start,
    argMin(first.price, place) AS open_price,
    min(first.timestamp) AS open_time,
    max(first.price) AS high_price,
    min(first.price) AS low_price,
    argMax(first.price, place) AS close_price,
    max(first.timestamp) AS close_time,
    sum(toDecimal256(first.quantity, 18)) AS volume,
    sum(first.quote_volume) AS quote_volume,
    count() AS trade_count,
    now64(6, 'UTC') AS updated_at
FROM (SELECT 1 FROM silver_trades LIMIT 1) AS inserted
CROSS JOIN (
    SELECT
        exchange, canonical_symbol, timestamp, price, quantity, quote_volume, is_valid,
        bitShiftLeft(toUInt256(toUnixTimestamp64Micro(timestamp)), 128) + bitShiftLeft(toUInt256(source_sequence), 64) + bitNot(precedence) AS place
    FROM (
        SELECT exchange, canonical_symbol, message_id, price, quantity, quote_volume, timestamp, source_sequence, is_valid, precedence
        FROM silver_trades
        UNION ALL
        SELECT exchange, canonical_symbol, message_id, price, quantity, quote_volume, timestamp, source_sequence, is_valid, precedence
        FROM silver_trades_arrivals
        WHERE (exchange, canonical_symbol, toStartOfSecond(timestamp)) IN (
            SELECT exchange, canonical_symbol, toStartOfSecond(timestamp) FROM silver_trades)
    )
    ORDER BY precedence DESC
    LIMIT 1 BY message_id
) AS first
WHERE first.is_valid
GROUP BY exchange, canonical_symbol, window_start;

CREATE VIEW IF NOT EXISTS ohlcv_1s_view AS
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
FROM ohlcv_1s FINAL
COMMENT 'Candles of one second, exactly one row per window';
