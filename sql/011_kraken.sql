-- Kraken: WebSocket v2 (live) and v1 (captures), channel trade, in one topic.
-- https://docs.kraken.com/api/docs/websocket-v2/trade and https://docs.kraken.com/api/docs/websocket-v1/trade (read 2026-09)

CREATE TABLE IF NOT EXISTS trades_kraken_queue
(
    message String COMMENT 'the frame, byte for byte'
)
ENGINE = Kafka
SETTINGS kafka_broker_list = '${KAFKA_BROKERS}',
         kafka_topic_list = 'market.crypto.trades.kraken',
         kafka_group_name = '${KAFKA_GROUP}-kraken',
         kafka_format = 'RawBLOB',
         kafka_num_consumers = ${KAFKA_CONSUMERS},
         kafka_max_block_size = ${KAFKA_MAX_BLOCK_SIZE},
         kafka_flush_interval_ms = ${KAFKA_FLUSH_INTERVAL_MS}
COMMENT 'Frames of the Kraken trade topic';

CREATE TABLE IF NOT EXISTS bronze_trades_kraken
(
    api         LowCardinality(String)  COMMENT 'v1 or v2, by the shape of the frame',
    frame_type  LowCardinality(String)  COMMENT 'v2: snapshot or update; empty in v1',
    symbol      LowCardinality(String)  COMMENT 'as sent: BTC/USD in v2, XBT/USD in v1',
    trade_id    Nullable(UInt64)        COMMENT 'v2: a sequence per book; v1 sends none',
    occurrence  UInt32                  COMMENT 'v1: how many equal trades came before it in its frame; 0 in v2',
    price       String                  COMMENT 'its text as sent (a number in v2, a string in v1)',
    quantity    String                  COMMENT 'qty or volume, its text as sent',
    side        LowCardinality(String)  COMMENT 'buy and sell in v2, b and s in v1',
    order_type  LowCardinality(String)  COMMENT 'limit and market in v2, l and m in v1',
    misc        String                  COMMENT 'v1 only',
    trade_time  String                  COMMENT 'v2: RFC 3339; v1: seconds with six decimals',
    received_at DateTime64(9, 'UTC')    COMMENT 'when the feed handler received the frame',
    ingested_at DateTime64(6, 'UTC')    COMMENT 'when the warehouse wrote this row',
    _topic      LowCardinality(String)  COMMENT 'topic of the frame',
    _partition  UInt64                  COMMENT 'partition of the frame',
    _offset     UInt64                  COMMENT 'offset of the frame',
    trade_index UInt32                  COMMENT 'the trade''s place in its frame, from 0'
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ingested_at)
ORDER BY (_topic, _partition, _offset, trade_index)
TTL toDateTime(ingested_at) + INTERVAL 7 DAY
SETTINGS auto_statistics_types = ''
COMMENT 'Kraken trades with the exchange''s own values; a redelivered offset collapses, a resend by the exchange stays visible';

-- v2 sends prices and quantities as JSON numbers, and every JSON function passes a number through a double. So each such number is
-- first turned into a string, `number:` and its own digits, and only then is the frame parsed. `reason` is judged trade by trade: the
-- first trade with a defect names it. symbol of v1 stands once in the frame, hence the tuple's first element.
CREATE TABLE IF NOT EXISTS kraken_frames
(
    message     String,
    received_at DateTime64(9, 'UTC'),
    _topic      LowCardinality(String),
    _partition  UInt64,
    _offset     UInt64,
    api         LowCardinality(String),
    frame_type  String,
    is_json     Bool,
    is_trade    Bool,
    trades Array(Tuple(symbol String, trade_id String, price String, quantity String, trade_time String, side String, order_type String, misc String)),
    reason LowCardinality(String) MATERIALIZED multiIf(
        NOT is_json, 'not_json',
        NOT is_trade, 'not_a_trade',
        empty(trades), 'no_trades',
        arrayFirst(defect -> defect != '', arrayMap(trade -> multiIf(
            NOT startsWith(trade.symbol, '"') OR trade.symbol = '""', 'malformed_symbol',
            api = 'v2' AND toUInt64OrNull(trade.trade_id) IS NULL, 'malformed_trade_id',
            NOT startsWith(trade.price, if(api = 'v2', '"number:', '"')), 'malformed_price',
            NOT startsWith(trade.quantity, if(api = 'v2', '"number:', '"')), 'malformed_quantity',
            NOT startsWith(trade.trade_time, '"'), 'malformed_time',
            NOT startsWith(trade.side, '"'), 'malformed_side',
            ''), trades)))
)
ENGINE = Null
COMMENT 'Passing place from queue to bronze; keeps nothing. Values of a trade are raw JSON';

CREATE MATERIALIZED VIEW IF NOT EXISTS bronze_trades_kraken_mv TO bronze_trades_kraken AS
WITH
    arrayMap(trade -> (
        JSONExtractString(trade.symbol),
        toUInt64OrNull(trade.trade_id),
        if(api = 'v2', substring(trade.price, 9, length(trade.price) - 9), JSONExtractString(trade.price)),
        if(api = 'v2', substring(trade.quantity, 9, length(trade.quantity) - 9), JSONExtractString(trade.quantity)),
        JSONExtractString(trade.trade_time),
        JSONExtractString(trade.side),
        if(startsWith(trade.order_type, '"'), JSONExtractString(trade.order_type), ''),
        if(startsWith(trade.misc, '"'), JSONExtractString(trade.misc), '')), trades) AS texts,
    if(api = 'v1', arrayMap(count -> count - 1, arrayEnumerateUniq(arrayMap(v -> (v.3, v.4, v.5, v.6, v.7), texts))),
        arrayWithConstant(length(trades), 0)) AS occurrences
SELECT
    api,
    frame_type,
    value.1 AS symbol,
    value.2 AS trade_id,
    occurrence,
    value.3 AS price,
    value.4 AS quantity,
    value.6 AS side,
    value.7 AS order_type,
    value.8 AS misc,
    value.5 AS trade_time,
    received_at,
    now64(6, 'UTC') AS ingested_at,
    _topic, _partition, _offset,
    toUInt32(position - 1) AS trade_index
FROM kraken_frames
ARRAY JOIN texts AS value, occurrences AS occurrence, arrayEnumerate(trades) AS position
WHERE reason = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_kraken_mv TO dead_letters AS
SELECT
    'bronze' AS layer,
    'kraken' AS exchange,
    reason,
    message,
    received_at,
    now64(6, 'UTC') AS ingested_at,
    _topic, _partition, _offset,
    toUInt32(0) AS trade_index
FROM kraken_frames
WHERE reason != '';

-- v1 sends no trade id. Its trades are told apart by all that it does send, and equal trades of one frame by their occurrence; a
-- resend of the same trades makes the same ids again.
CREATE MATERIALIZED VIEW IF NOT EXISTS bronze_kraken_to_silver_mv TO silver_intake AS
WITH
    extract(symbol, '^([^/]+)/[^/]+$') AS base_sent,
    extract(symbol, '^[^/]+/([^/]+)$') AS quote_sent,
    -- The patterns admit what microseconds hold: no more than six places once trailing zeros are gone. The function behind v2's would
    -- read month 00 as January, day 00 as the first and 24:00 as the next day; dates that are none (February 30) it refuses itself.
    multiIf(
        api = 'v1' AND match(bronze_trades_kraken.trade_time, '^[0-9]{1,11}([.][0-9]{1,6}0*)?$'),
            if((toInt64(concat(extract(bronze_trades_kraken.trade_time, '^([0-9]+)'),
                rightPad(substring(extract(bronze_trades_kraken.trade_time, '[.]([0-9]+)'), 1, 6), 6, '0'))) AS time_us) < 10413792000000000,
                fromUnixTimestamp64Micro(time_us, 'UTC'), NULL),
        api = 'v2' AND match(bronze_trades_kraken.trade_time,
            '^(19|2[0-2])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6}0*)?Z$'),
            parseDateTime64BestEffortOrNull(substring(bronze_trades_kraken.trade_time, 1, 26), 6, 'UTC'),
        NULL) AS time
SELECT
    'kraken' AS exchange,
    symbol,
    transform(base_sent, ['XBT', 'XDG'], ['BTC', 'DOGE'], base_sent) AS base,
    transform(quote_sent, ['XBT', 'XDG'], ['BTC', 'DOGE'], quote_sent) AS quote,
    if(api = 'v2', toString(assumeNotNull(bronze_trades_kraken.trade_id)),
        concat(bronze_trades_kraken.trade_time, '/', price, '/', quantity, '/', side, '/', order_type, '/', toString(occurrence))) AS trade_id,
    price,
    quantity,
    side,
    multiIf(side IN ('buy', 'b'), 'BUY', side IN ('sell', 's'), 'SELL', 'UNKNOWN') AS taker_side,
    arrayFilter(mark -> mark != '', [multiIf(order_type = 'l', 'limit', order_type = 'm', 'market', order_type), misc]) AS trade_conditions,
    bronze_trades_kraken.trade_time AS time_text,
    time AS timestamp,
    if(api = 'v2', assumeNotNull(bronze_trades_kraken.trade_id), toUInt64(ifNull(toUnixTimestamp64Micro(timestamp), 0))) AS source_sequence,
    mapFilter((name, value) -> value != '', map('api', toString(api), 'frame_type', toString(frame_type))) AS vendor_data,
    received_at,
    _topic, _partition, _offset,
    trade_index
FROM bronze_trades_kraken;

-- Last, because a queue is consumed as soon as one view reads it: were the views behind this one not there yet, the frames would be
-- gone with their offsets committed.
--
-- In three steps, the innermost first: numbers marked, odd numbers tamed, fields taken. As one step, in which each name stands for its
-- whole text wherever it is used, the same view takes twice as long to plan, and it is planned anew for every insert.
CREATE MATERIALIZED VIEW IF NOT EXISTS kraken_frames_mv TO kraken_frames AS
WITH
    if(version = 'v1', JSONExtractArrayRaw(text), []) AS elements,
    length(elements) AS n,
    if(version = 'v2', JSONExtractRaw(text, 'type'), '') AS type_json
SELECT
    message,
    ifNull(fromUnixTimestamp64Nano(toInt64OrNull(_headers.value[indexOf(_headers.name, 'recv_ns')]), 'UTC'),
        toDateTime64(ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')), 9, 'UTC')) AS received_at,
    _topic, _partition, _offset,
    version AS api,
    if(startsWith(type_json, '"'), JSONExtractString(type_json), '') AS frame_type,
    isValidJSON(text) AS is_json,
    if(version = 'v1', n >= 4 AND elements[-2] = '"trade"', JSONExtractRaw(text, 'channel') = '"trade"') AS is_trade,
    if(version = 'v1',
        arrayMap(trade -> (elements[-1], '', trade[1], trade[2], trade[3], trade[4], trade[5], trade[6]),
            arrayMap(json -> JSONExtractArrayRaw(json), JSONExtractArrayRaw(elements[-3]))),
        arrayMap(fields -> (fields.2[indexOf(fields.1, 'symbol')], fields.2[indexOf(fields.1, 'trade_id')],
                fields.2[indexOf(fields.1, 'price')], fields.2[indexOf(fields.1, 'qty')], fields.2[indexOf(fields.1, 'timestamp')],
                fields.2[indexOf(fields.1, 'side')], fields.2[indexOf(fields.1, 'ord_type')], ''),
            arrayMap(json -> JSONExtractKeysAndValuesRaw(json), JSONExtractArrayRaw(text, 'data')))) AS trades
FROM (
    WITH
        -- Every number other than an integer of 64 bits becomes 0.5: the parser would read an id of 1e3 as 1000, take a longer integer for a
        -- string, and refuse 1e400. Frames without one, nearly all, stay as they are.
        match(marked, '(?:^\\x{FEFF}?|"[ \t\r\n]*:|[,[])[ \t\r\n]*-?(?:[0-9]+[.eE]|[0-9]{19})') AND isValidUTF8(marked) AS is_odd,
        extractAll(if(is_odd, marked, ''), '"(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*|[^"0-9-]+|["-]') AS tokens,
        arrayMap(token -> if(match(token, '^-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?$')
            AND toUInt64OrNull(token) IS NULL AND toInt64OrNull(token) IS NULL, '0.5', token), tokens) AS tame_tokens
    SELECT
        message, _topic, _partition, _offset, _timestamp_ms, _headers.name, _headers.value,
        if(match(message, '^\\x{FEFF}?[ \t\r\n]*[[]'), 'v1', 'v2') AS version,
        if(is_odd, arrayStringConcat(tame_tokens), marked) AS text
    FROM (
        WITH
            '([ \t\r\n]*:[ \t\r\n]*)(-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?)([ \t\r\n]*[,}])' AS number,
            -- A key may be written with escapes (\u0070rice), and a string may begin like a number's mark. Both cost slower patterns, which
            -- only tricky frames meet; there a price that is a string moves to the key "". Here and below, patterns that most frames have no
            -- need of get '' instead of those: a branch of if() is not always skipped.
            (position(message, '\\u00') > 0 OR position(message, 'number:') > 0) AS is_tricky,
            '"((?:p|\\\\u0070)(?:r|\\\\u0072)(?:i|\\\\u0069)(?:c|\\\\u0063)(?:e|\\\\u0065)|(?:q|\\\\u0071)(?:t|\\\\u0074)(?:y|\\\\u0079))"' AS tricky_name,
            replaceRegexpAll(if(is_tricky, message, ''), tricky_name || '[ \t\r\n]*:[ \t\r\n]*"', '"\\1":null,"":"') AS without_strings
        SELECT
            message, _topic, _partition, _offset, _timestamp_ms, _headers.name, _headers.value,
            if(is_tricky,
                replaceRegexpAll(without_strings, tricky_name || number, '"\\1"\\2"number:\\3"\\4'),
                replaceRegexpAll(if(is_tricky, '', message), '"(price|qty)"' || number, '"\\1"\\2"number:\\3"\\4')) AS marked
        FROM trades_kraken_queue
    )
);
