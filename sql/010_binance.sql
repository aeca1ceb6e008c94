-- Binance spot, streams <symbol>@trade, raw or combined.
-- https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#trade-streams (read 2026-09)

CREATE TABLE IF NOT EXISTS trades_binance_queue
(
    message String COMMENT 'the frame, byte for byte'
)
ENGINE = Kafka
SETTINGS kafka_broker_list = '${KAFKA_BROKERS}',
         kafka_topic_list = 'market.crypto.trades.binance',
         kafka_group_name = '${KAFKA_GROUP}-binance',
         kafka_format = 'RawBLOB',
         kafka_num_consumers = ${KAFKA_CONSUMERS},
         kafka_max_block_size = ${KAFKA_MAX_BLOCK_SIZE},
         kafka_flush_interval_ms = ${KAFKA_FLUSH_INTERVAL_MS}
COMMENT 'Frames of the Binance trade topic';

CREATE TABLE IF NOT EXISTS bronze_trades_binance
(
    stream          LowCardinality(String)  COMMENT 'stream of a combined frame; empty for a raw one',
    event_time      Nullable(Int64)         COMMENT 'E as sent: milliseconds, or microseconds where the stream was asked for them',
    symbol          LowCardinality(String)  COMMENT 's as sent',
    trade_id        UInt64                  COMMENT 't as sent: consecutive per symbol',
    price           String                  COMMENT 'p, its text as sent',
    quantity        String                  COMMENT 'q, its text as sent',
    buyer_order_id  Nullable(UInt64)        COMMENT 'b, sent until 2023',
    seller_order_id Nullable(UInt64)        COMMENT 'a, sent until 2023',
    trade_time      Int64                   COMMENT 'T as sent: milliseconds or microseconds',
    is_buyer_maker  Bool                    COMMENT 'm: the buyer was the maker, so the taker sold',
    is_best_match   Nullable(Bool)          COMMENT 'M',
    received_at     DateTime64(9, 'UTC')    COMMENT 'when the feed handler received the frame',
    ingested_at     DateTime64(6, 'UTC')    COMMENT 'when the warehouse wrote this row',
    _topic          LowCardinality(String)  COMMENT 'topic of the frame',
    _partition      UInt64                  COMMENT 'partition of the frame',
    _offset         UInt64                  COMMENT 'offset of the frame',
    trade_index     UInt32                  COMMENT 'the trade''s place in its frame: always 0, Binance sends one trade a frame'
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ingested_at)
ORDER BY (_topic, _partition, _offset, trade_index)
TTL toDateTime(ingested_at) + INTERVAL 7 DAY
SETTINGS auto_statistics_types = ''
COMMENT 'Binance trades with the exchange''s own values; a redelivered offset collapses, a resend by the exchange stays visible';

-- One parse per frame: fields come as the raw JSON of each value, so that a number sent where a string belongs is seen, not bent.
CREATE TABLE IF NOT EXISTS binance_frames
(
    message     String,
    received_at DateTime64(9, 'UTC'),
    _topic      LowCardinality(String),
    _partition  UInt64,
    _offset     UInt64,
    stream      String,
    is_json     Bool,
    names       Array(String),
    jsons       Array(String),
    event       String MATERIALIZED jsons[indexOf(names, 'e')],
    symbol      String MATERIALIZED jsons[indexOf(names, 's')],
    trade_id    String MATERIALIZED jsons[indexOf(names, 't')],
    price       String MATERIALIZED jsons[indexOf(names, 'p')],
    quantity    String MATERIALIZED jsons[indexOf(names, 'q')],
    trade_time  String MATERIALIZED jsons[indexOf(names, 'T')],
    is_buyer_maker String MATERIALIZED jsons[indexOf(names, 'm')],
    reason LowCardinality(String) MATERIALIZED multiIf(
        NOT is_json, 'not_json',
        event != '"trade"', 'not_a_trade',
        has(names, 'X') AND NOT has(names, 'M'), 'futures_trade',
        NOT startsWith(symbol, '"') OR symbol = '""', 'malformed_symbol',
        toUInt64OrNull(trade_id) IS NULL, 'malformed_trade_id',
        NOT startsWith(price, '"'), 'malformed_price',
        NOT startsWith(quantity, '"'), 'malformed_quantity',
        toInt64OrNull(trade_time) IS NULL, 'malformed_time',
        is_buyer_maker NOT IN ('true', 'false'), 'malformed_side',
        '')
)
ENGINE = Null
COMMENT 'Passing place from queue to bronze; keeps nothing';

CREATE MATERIALIZED VIEW IF NOT EXISTS bronze_trades_binance_mv TO bronze_trades_binance AS
SELECT
    stream,
    toInt64OrNull(jsons[indexOf(names, 'E')]) AS event_time,
    JSONExtractString(symbol) AS symbol,
    toUInt64(trade_id) AS trade_id,
    JSONExtractString(price) AS price,
    JSONExtractString(quantity) AS quantity,
    toUInt64OrNull(jsons[indexOf(names, 'b')]) AS buyer_order_id,
    toUInt64OrNull(jsons[indexOf(names, 'a')]) AS seller_order_id,
    toInt64(trade_time) AS trade_time,
    is_buyer_maker = 'true' AS is_buyer_maker,
    multiIf(jsons[indexOf(names, 'M')] = 'true', true, jsons[indexOf(names, 'M')] = 'false', false, NULL) AS is_best_match,
    received_at,
    now64(6, 'UTC') AS ingested_at,
    _topic, _partition, _offset,
    toUInt32(0) AS trade_index
FROM binance_frames
WHERE reason = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_binance_mv TO dead_letters AS
SELECT
    'bronze' AS layer,
    'binance' AS exchange,
    reason,
    message,
    received_at,
    now64(6, 'UTC') AS ingested_at,
    _topic, _partition, _offset,
    toUInt32(0) AS trade_index
FROM binance_frames
WHERE reason != '';

-- The quote is the longest known one that ends the symbol and leaves a base.
CREATE MATERIALIZED VIEW IF NOT EXISTS bronze_binance_to_silver_mv TO silver_intake AS
WITH
    extract(symbol, '^[A-Z0-9]+?(USDT|FDUSD|USDC|TUSD|BUSD|USD1|USDP|USDS|PAX|DAI|VAI|EURI|AEUR|BIDR|BVND|BKRW|IDRT|EUR|GBP|AUD|TRY|BRL|RUB|UAH|NGN|ZAR|PLN|RON|ARS|JPY|MXN|COP|CZK|IDR|BTC|ETH|BNB|XRP|TRX|DOGE|DOT|SOL)$') AS known_quote,
    if(abs(trade_time) < 100000000000000, trade_time * 1000, trade_time) AS time_us
SELECT
    'binance' AS exchange,
    symbol,
    if(known_quote = '', '', substring(symbol, 1, length(symbol) - length(known_quote))) AS base,
    known_quote AS quote,
    toString(trade_id) AS trade_id,
    price,
    quantity,
    if(is_buyer_maker, 'sell', 'buy') AS side,
    if(is_buyer_maker, 'SELL', 'BUY') AS taker_side,
    []::Array(String) AS trade_conditions,
    toString(trade_time) AS time_text,
    if(time_us BETWEEN -2208988800000000 AND 10413791999999999, fromUnixTimestamp64Micro(time_us, 'UTC'), NULL) AS timestamp,
    bronze_trades_binance.trade_id AS source_sequence,
    mapFilter((name, value) -> value != '', map(
        'event_time', ifNull(toString(event_time), ''),
        'buyer_order_id', ifNull(toString(buyer_order_id), ''),
        'seller_order_id', ifNull(toString(seller_order_id), ''),
        'is_best_match', ifNull(toString(is_best_match), ''))) AS vendor_data,
    received_at,
    _topic, _partition, _offset,
    trade_index
FROM bronze_trades_binance;

-- text: the engine's JSON parser takes 1000.0 and 1e3 for 1000, an integer of more than 64 bits for a string, and refuses what no
-- double holds. So in a frame that may have a number other than an integer of 64 bits, each of these becomes 0.5: all that matters of
-- them here is that they are numbers and no integers. Binance sends none, and arrays neither; without them the frame stays as it is.
--
-- Last, because a queue is consumed as soon as one view reads it: were the views behind this one not there yet, the frames would be
-- gone with their offsets committed.
CREATE MATERIALIZED VIEW IF NOT EXISTS binance_frames_mv TO binance_frames AS
WITH
    (match(message, ':[ \t\r\n]*-?(?:[0-9]+[.eE]|[0-9]{19})') OR position(message, '[') > 0 OR NOT startsWith(message, '{'))
        AND isValidUTF8(message) AS is_odd,
    extractAll(if(is_odd, message, ''), '"(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*|[^"0-9-]+|["-]') AS tokens,
    arrayMap(token -> if(match(token, '^-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?$')
        AND toUInt64OrNull(token) IS NULL AND toInt64OrNull(token) IS NULL, '0.5', token), tokens) AS tame_tokens,
    if(is_odd, arrayStringConcat(tame_tokens), message) AS text,
    JSONExtractKeysAndValuesRaw(text, 'data') AS combined,
    if(notEmpty(combined), combined, JSONExtractKeysAndValuesRaw(text)) AS fields,
    if(notEmpty(combined), JSONExtractRaw(text, 'stream'), '') AS stream_json
SELECT
    message,
    ifNull(fromUnixTimestamp64Nano(toInt64OrNull(_headers.value[indexOf(_headers.name, 'recv_ns')]), 'UTC'),
        toDateTime64(ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')), 9, 'UTC')) AS received_at,
    _topic, _partition, _offset,
    if(startsWith(stream_json, '"'), JSONExtractString(stream_json), '') AS stream,
    notEmpty(fields) OR isValidJSON(text) AS is_json,
    fields.1 AS names,
    fields.2 AS jsons
FROM trades_binance_queue;
