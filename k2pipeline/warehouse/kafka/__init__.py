"""The Kafka table engine that chDB lacks: DDL, consumers, blocks, and the numbers of system.kafka_consumers."""
