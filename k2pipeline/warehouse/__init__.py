"""The embedded warehouse: the ClickHouse engine (chDB) as a process of its own, behind ClickHouse's HTTP API.

    python -m k2pipeline.warehouse --data DIR --port 0        # password in K2_WAREHOUSE_PASSWORD

Three parts, and what passes between them:

- `engine.py` owns chDB. `Engine(data_dir).connect()` gives an `EngineConnection`. Opening one costs 0.2 ms,
  so every request has a fresh one and nothing (settings, current database, errors) leaks into the next.
- `http/` answers HTTP: `app.py`, `query_endpoint.py` and what they use. Of Kafka it knows only the protocol
  `KafkaSupport` in `http/kafka_support.py`.
- `kafka/` is the Kafka table engine that chDB lacks. `KafkaTables(connect=engine.connect)` in `tables.py`
  implements `KafkaSupport`; `__main__.py` brings the two together.

How the HTTP interface calls `KafkaSupport` (from worker threads, several at once):

    kafka.start()                               once, before the first request is accepted
    with kafka.ddl():                           around every CREATE, DROP, DETACH, ATTACH, RENAME, EXCHANGE,
        sql = kafka.intercept(sql) or sql       ALTER, TRUNCATE, UNDROP and REPLACE; `intercept` only for
        connection.execute(sql)                 CREATE and ATTACH
    kafka.refresh_consumers()                   before a statement whose text names `kafka_consumers`
    kafka.close()                               once, after the last request was accepted

`system.kafka_consumers` needs no rewriting of queries. The engine has a table of that name, always empty;
`DETACH TABLE system.kafka_consumers` takes it away for the life of the process, and
`CREATE OR REPLACE VIEW system.kafka_consumers AS ..` puts the real numbers there in one atomic step.

Two of chDB's ways to insert must not be used here. `send_insert` returns success although a materialized view
or a constraint rejected the rows. A statement with its data inline (`INSERT .. FORMAT TSV\\n<data>`) ends at
the first empty line, and what follows is executed as SQL. Both of these are safe: `INSERT .. FROM INFILE`
(`EngineConnection.insert_file`) and `INSERT .. SELECT .. FROM Python(table)`.
"""
