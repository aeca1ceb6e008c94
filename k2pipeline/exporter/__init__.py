"""Prometheus metrics of a warehouse and its broker, asked for by query.

A ClickHouse server's own metrics do not know our tables, and the embedded warehouse has none.

    k2 metrics --port 9108 --clickhouse http://k2_reader@127.0.0.1:8123/k2 --bootstrap 127.0.0.1:9092

    catalogue.py   every metric: name, kind, labels; docs/metrics.md says the same in words, and a test compares both
    tally.py       the values of one scrape
    warehouse.py   the queries, and what their rows mean
    broker.py      how far the warehouse is behind its topics
    scrape.py      one scrape from both, and what is kept between two
"""
