"""ClickHouse's HTTP interface over chDB: requests read, statements run, answers sent."""
