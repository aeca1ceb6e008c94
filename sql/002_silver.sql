-- Silver: one row per trade, of every exchange, in one shape.
--
-- Each exchange's view bronze_<x>_to_silver_mv only names its own columns (which text is the price, which unit the time has) and
-- puts its trades into silver_intake. What is the same for all exchanges is written once, here: which numbers are exact, which
-- trades are plausible, and that a trade ends either in silver_trades or as one dead letter.

-- decimals: the price and the quantity as plain decimal text, or '' where Decimal(38, 18) cannot hold the value exactly. Nearly all
-- are short plain decimals, which the first pattern settles. The rest pay for moving the point past trailing zeros and exponent.
-- The inner arrayMap over one-element arrays only gives names to its three parts.
CREATE TABLE IF NOT EXISTS silver_intake
(
    exchange         LowCardinality(String),
    symbol           LowCardinality(String),
    base             LowCardinality(String),
    quote            LowCardinality(String),
    trade_id         String,
    price            String,
    quantity         String,
    side             String,
    taker_side       Enum8('UNKNOWN' = 0, 'BUY' = 1, 'SELL' = 2, 'SELL_SHORT' = 3),
    trade_conditions Array(String),
    time_text        String,
    timestamp        Nullable(DateTime64(6, 'UTC')),
    source_sequence  UInt64,
    vendor_data      Map(String, String),
    received_at      DateTime64(9, 'UTC'),
    _topic           LowCardinality(String),
    _partition       UInt64,
    _offset          UInt64,
    trade_index      UInt32,

    decimals Array(String) MATERIALIZED arrayMap(text ->
        if(match(text, '^-?[0-9]{1,20}([.][0-9]{1,18})?$'), text,
        if(NOT match(text, '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,4})?$'), '',
            arrayMap((sign, digits, places) -> multiIf(
                    digits = '', '0',
                    places > 18 OR length(digits) - places > 20, '',
                    places <= 0, sign || digits || repeat('0', -places),
                    sign || if(length(digits) > places, substring(digits, 1, length(digits) - places), '0') || '.'
                        || leftPad(right(digits, places), places, '0')),
                [if(startsWith(text, '-'), '-', '')],
                [trimBoth(replaceOne(extract(text, '([0-9.]+)'), '.', ''), '0')],
                [toInt64(length(extract(text, '[.]([0-9]+)'))) - toInt32OrZero(extract(text, '[eE][+]?(-?[0-9]+)'))
                    - toInt64(length(extract(replaceOne(extract(text, '([0-9.]+)'), '.', ''), '(0*)$')))])[1])),
        [price, quantity]),
    rejection LowCardinality(String) MATERIALIZED multiIf(
        decimals[1] = '', 'price_not_exact',
        decimals[2] = '', 'quantity_not_exact',
        timestamp IS NULL, 'time_not_exact',
        taker_side = 'UNKNOWN', 'side_unknown',
        '')
)
ENGINE = Null
COMMENT 'Passing place from bronze to silver; keeps nothing. A NULL timestamp is a time that microseconds cannot hold exactly';

-- The first arrival of a trade is the one that is kept (precedence falls with the offset), so no resend can change a row that a
-- candle was computed from. The key is the trade's identity; source_sequence comes before trade_id because it runs with time,
-- which keeps the trades of one window close together.
CREATE TABLE IF NOT EXISTS silver_trades
(
    exchange            LowCardinality(String)  COMMENT 'exchange, lower case',
    symbol              LowCardinality(String)  COMMENT 'the exchange''s own symbol (BTCUSDT, XBT/USD)',
    canonical_symbol    LowCardinality(String)  COMMENT 'base/quote in common names (BTC/USDT); the exchange''s symbol where no known quote ends it',
    asset_class         LowCardinality(String)  COMMENT 'crypto',
    currency            LowCardinality(String)  COMMENT 'quote currency; empty where it is not known',
    trade_id            String                  COMMENT 'the exchange''s id; Kraken v1 has none: its values and the occurrence among equals in its frame',
    message_id          UUID                    COMMENT 'UUID version 3 of exchange/symbol/trade_id in namespace 6b32ff5e-7f5b-4b0a-9f5c-1b2d6e0c4a11',
    price               Decimal(38, 18)         COMMENT 'price in quote currency, exact',
    quantity            Decimal(38, 18)         COMMENT 'size in base currency, exact',
    quote_volume        Decimal(76, 36)         COMMENT 'price * quantity, exact',
    side                Enum8('UNKNOWN' = 0, 'BUY' = 1, 'SELL' = 2, 'SELL_SHORT' = 3) COMMENT 'side of the taker',
    trade_conditions    Array(String)           COMMENT 'order type and other marks that the exchange gives',
    timestamp           DateTime64(6, 'UTC')    COMMENT 'the exchange''s time of the trade',
    ingestion_timestamp DateTime64(9, 'UTC')    COMMENT 'when the feed handler received the frame',
    processed_at        DateTime64(6, 'UTC')    COMMENT 'when the warehouse wrote this row',
    source_sequence     UInt64                  COMMENT 'the exchange''s own order: its trade id; for Kraken v1 the time in microseconds',
    vendor_data         Map(String, String)     COMMENT 'what only this exchange sends',
    is_valid            Bool                    COMMENT 'false: implausible; kept here, in no candle',
    validation_errors   Array(LowCardinality(String)) COMMENT 'why it is implausible, as stable codes; docs/meaning.md lists them',
    source_topic        LowCardinality(String)  COMMENT 'topic of the frame that brought the trade',
    source_partition    UInt64                  COMMENT 'its partition',
    source_offset       UInt64                  COMMENT 'its offset',
    source_index        UInt32                  COMMENT 'the trade''s place in that frame, from 0',
    precedence          UInt64                  COMMENT 'of two rows with one identity the higher stays: falls with offset and place in the frame',
    -- Not over timestamp itself: toDateTime and toDate wrap outside 1970-2106, yet the engine takes them for monotonic and would skip
    -- granules that hold one absurd time. A condition on timestamp uses this index just as well. auto_statistics_types, below, is
    -- empty for the same reason: minimum and maximum of whole parts would prune them alike.
    INDEX timestamp_second_minmax toStartOfSecond(timestamp) TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toDate(processed_at)
ORDER BY (exchange, symbol, source_sequence, trade_id)
TTL toDateTime(processed_at) + INTERVAL 30 DAY
SETTINGS index_granularity = 1024, auto_statistics_types = ''
COMMENT 'One row per trade. Read with FINAL: until parts merge, a resent trade stands in as many rows as it came';

CREATE MATERIALIZED VIEW IF NOT EXISTS silver_trades_mv TO silver_trades AS
WITH
    assumeNotNull(timestamp) AS time,
    toDecimal128OrZero(decimals[1], 18) AS exact_price,
    toDecimal128OrZero(decimals[2], 18) AS exact_quantity,
    MD5(concat(unhex('6b32ff5e7f5b4b0a9f5c1b2d6e0c4a11'), exchange, '/', symbol, '/', trade_id)) AS digest,
    arrayFilter(error -> error != '', [
        if(exact_price <= 0, 'price_not_positive', ''),
        if(exact_quantity <= 0, 'quantity_not_positive', ''),
        if(quote = '', 'symbol_unknown', ''),
        -- Before Bitcoin's first block, more than a day after it was received, or past what a candle's DateTime can hold.
        if(toUnixTimestamp64Micro(time) < 1230940800000000
            OR toUnixTimestamp64Micro(time) > intDiv(toUnixTimestamp64Nano(received_at), 1000) + 86400000000
            OR toUnixTimestamp64Micro(time) >= 4102444800000000, 'time_implausible', '')
    ]) AS errors
SELECT
    exchange,
    symbol,
    if(quote = '', symbol, concat(base, '/', quote)) AS canonical_symbol,
    'crypto' AS asset_class,
    quote AS currency,
    trade_id,
    -- The version and variant bits of RFC 9562, set in the two halves of the digest.
    reinterpretAsUUID(bitOr(
        toUInt128(bitOr(bitAnd(reinterpretAsUInt64(reverse(substring(digest, 1, 8))), 0xFFFFFFFFFFFF0FFF), 0x3000)),
        bitShiftLeft(toUInt128(bitOr(bitAnd(reinterpretAsUInt64(reverse(substring(digest, 9, 8))), 0x3FFFFFFFFFFFFFFF), 0x8000000000000000)), 64)
    )) AS message_id,
    exact_price AS price,
    exact_quantity AS quantity,
    toDecimal256(exact_price, 18) * exact_quantity AS quote_volume,
    taker_side AS side,
    trade_conditions,
    time AS timestamp,
    received_at AS ingestion_timestamp,
    now64(6, 'UTC') AS processed_at,
    source_sequence,
    vendor_data,
    empty(errors) AS is_valid,
    errors AS validation_errors,
    _topic AS source_topic,
    _partition AS source_partition,
    _offset AS source_offset,
    trade_index AS source_index,
    bitNot(_offset * 1048576 + trade_index) AS precedence
FROM silver_intake
WHERE rejection = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_silver_mv TO dead_letters AS
SELECT
    'silver' AS layer,
    exchange,
    rejection AS reason,
    toJSONString(map('symbol', toString(symbol), 'trade_id', trade_id, 'price', price, 'quantity', quantity,
        'side', side, 'trade_time', time_text)) AS message,
    received_at,
    now64(6, 'UTC') AS ingested_at,
    _topic, _partition, _offset,
    trade_index
FROM silver_intake
WHERE rejection != '';
