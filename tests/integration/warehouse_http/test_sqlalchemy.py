"""SQLAlchemy by clickhouse-connect's dialect, and Great Expectations through it, which pushes its SQL down here."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from tests.integration.warehouse_http.process import PASSWORD, Warehouse


@pytest.fixture
def dsn(warehouse: Warehouse, database: str) -> str:
    created = warehouse.post(
        "CREATE TABLE trades (id UInt64, side LowCardinality(String), price Decimal(38, 18), "
        "at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY id",
        database=database,
    )
    assert created.status == 200, created.text
    filled = warehouse.post(
        "INSERT INTO trades SELECT number, ['BUY', 'SELL'][number % 2 + 1], number / 4, now64(6) FROM numbers(1000)",
        database=database,
    )
    assert filled.status == 200, filled.text
    return f"clickhousedb://default:{quote(PASSWORD)}@127.0.0.1:{warehouse.port}/{database}"


@pytest.fixture
def engine(dsn: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(dsn)
    yield engine
    engine.dispose()


def test_tables_and_columns_are_reflected(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert inspector.get_table_names() == ["trades"]
    assert [column["name"] for column in inspector.get_columns("trades")] == ["id", "side", "price", "at"]
    assert inspector.has_table("trades")
    assert not inspector.has_table("nope")


def test_reflected_table_is_selected_from_and_inserted_into(engine: sa.Engine) -> None:
    trades = sa.Table("trades", sa.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        connection.execute(trades.insert().values(id=5000, side="BUY", price=1, at="2026-01-01 00:00:00.000001"))
        found = connection.execute(sa.select(trades.c.side).where(trades.c.id == 5000)).scalar_one()
        total = connection.execute(sa.select(sa.func.count()).select_from(trades)).scalar_one()
    assert (found, total) == ("BUY", 1001)


def test_expectations_hold_and_fail_where_they_should(dsn: str) -> None:
    gx = pytest.importorskip("great_expectations", reason="Great Expectations is not installed")
    gxe = gx.expectations
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_sql("warehouse", connection_string=dsn).add_table_asset("trades", "trades")
    batch = asset.add_batch_definition_whole_table("all").get_batch()
    results = {
        (type(each).__name__, bool(batch.validate(each).success))
        for each in (
            gxe.ExpectTableRowCountToEqual(value=1000),
            gxe.ExpectTableRowCountToEqual(value=999),
            gxe.ExpectColumnValuesToNotBeNull(column="price"),
            gxe.ExpectColumnValuesToBeInSet(column="side", value_set=["BUY", "SELL"]),
            gxe.ExpectColumnValuesToBeInSet(column="side", value_set=["BUY"]),
            gxe.ExpectColumnValuesToBeUnique(column="id"),
            gxe.ExpectColumnMaxToBeBetween(column="price", min_value=249, max_value=250),
        )
    }
    assert results == {
        ("ExpectTableRowCountToEqual", True),
        ("ExpectTableRowCountToEqual", False),
        ("ExpectColumnValuesToNotBeNull", True),
        ("ExpectColumnValuesToBeInSet", True),
        ("ExpectColumnValuesToBeInSet", False),
        ("ExpectColumnValuesToBeUnique", True),
        ("ExpectColumnMaxToBeBetween", True),
    }
