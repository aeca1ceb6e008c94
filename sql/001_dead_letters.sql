-- Everything that was acknowledged in a topic and could not become a row further on. Nothing vanishes: a frame that is not
-- understood is one letter of layer bronze, a trade that silver cannot hold exactly is one letter of layer silver.
CREATE TABLE IF NOT EXISTS dead_letters
(
    layer        LowCardinality(String)  COMMENT 'bronze: a frame that is not understood; silver: a trade that silver cannot hold exactly',
    exchange     LowCardinality(String)  COMMENT 'exchange whose feed it came from',
    reason       LowCardinality(String)  COMMENT 'why, as a stable code; docs/meaning.md lists them',
    message      String                  COMMENT 'the frame as received (bronze), or the trade''s own values as JSON (silver)',
    received_at  DateTime64(9, 'UTC')    COMMENT 'when the feed handler received the frame',
    ingested_at  DateTime64(6, 'UTC')    COMMENT 'when the warehouse wrote this letter',
    _topic       LowCardinality(String)  COMMENT 'topic of the frame',
    _partition   UInt64                  COMMENT 'partition of the frame',
    _offset      UInt64                  COMMENT 'offset of the frame',
    trade_index  UInt32                  COMMENT 'the trade''s place in its frame, from 0 (always 0 in layer bronze)'
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ingested_at)
ORDER BY (layer, exchange, _topic, _partition, _offset, trade_index)
TTL toDateTime(ingested_at) + INTERVAL 30 DAY
COMMENT 'Frames and trades that could not become rows, with the reason';

-- The feed handlers' own dead-letter topic: frames that they could not classify. A row here is a row in dead_letters, so that
-- conservation of offsets holds for this topic too.
CREATE TABLE IF NOT EXISTS trades_dlq_queue
(
    message String
)
ENGINE = Kafka
SETTINGS kafka_broker_list = '${KAFKA_BROKERS}',
         kafka_topic_list = 'market.crypto.trades.dlq',
         kafka_group_name = '${KAFKA_GROUP}-dlq',
         kafka_format = 'RawBLOB',
         kafka_max_block_size = ${KAFKA_MAX_BLOCK_SIZE},
         kafka_flush_interval_ms = ${KAFKA_FLUSH_INTERVAL_MS};

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_dlq_mv TO dead_letters AS
SELECT
    'bronze' AS layer,
    _headers.value[indexOf(_headers.name, 'exchange')] AS exchange,
    'unclassified' AS reason,
    message,
    ifNull(fromUnixTimestamp64Nano(toInt64OrNull(_headers.value[indexOf(_headers.name, 'recv_ns')]), 'UTC'),
        toDateTime64(ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')), 9, 'UTC')) AS received_at,
    now64(6, 'UTC') AS ingested_at,
    _topic, _partition, _offset,
    toUInt32(0) AS trade_index
FROM trades_dlq_queue;
