"""The engine's connections: separate, cheap to use safely, honest about failed inserts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from k2pipeline.warehouse.engine import Engine, EngineConnection
from k2pipeline.warehouse.errors import WarehouseError
from tests.integration.warehouse_http.process import wait_for


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(tmp_path_factory.mktemp("engine") / "data")
    yield made
    made.close()


@pytest.fixture
def connection(engine: Engine) -> Iterator[EngineConnection]:
    with engine.connect() as made:
        yield made


def test_settings_and_database_belong_to_one_connection(engine: Engine, connection: EngineConnection) -> None:
    sql = "SELECT getSetting('max_block_size'), currentDatabase()"
    with engine.connect() as other:
        before = other.execute(sql)
        connection.change_settings({"max_block_size": "17"})
        connection.use("system")
        assert connection.execute(sql) == b"17\tsystem\n"
        assert other.execute(sql) == before


def test_settings_of_one_statement_are_taken_back(connection: EngineConnection) -> None:
    sql = "SELECT getSetting('max_block_size'), getSetting('async_insert')"
    before = connection.execute(sql)
    assert connection.execute(sql, settings={"max_block_size": "17", "async_insert": "1"}) == b"17\ttrue\n"
    with pytest.raises(WarehouseError, match="UNKNOWN_IDENTIFIER"):
        connection.execute("SELECT nope", settings={"max_block_size": "17", "async_insert": "1"})
    assert connection.execute(sql) == before


def test_connection_differs_from_chdb_where_a_server_does(connection: EngineConnection) -> None:
    with pytest.raises(WarehouseError, match="SYNTAX_ERROR"):
        connection.execute("1 + 1")
    assert connection.execute("SELECT getSetting('async_insert'), getSetting('session_timezone')") == b"false\tUTC\n"


def test_statement_says_what_it_read_and_wrote(connection: EngineConnection) -> None:
    connection.execute("CREATE TABLE counted (a UInt64) ENGINE = Memory")
    wrote = connection.run("INSERT INTO counted SELECT number FROM numbers(10)").statistics
    read = connection.run("SELECT * FROM counted LIMIT 3").statistics
    assert (wrote.written_rows, wrote.written_bytes) == (10, 80)
    assert (read.result_rows, read.read_rows) == (3, 10)


def test_stream_that_is_left_frees_the_connection(connection: EngineConnection) -> None:
    blocks = connection.stream("SELECT number FROM numbers(100000000)", "Native")
    assert next(blocks).statistics.result_rows > 0
    blocks.close()
    assert connection.execute("SELECT 1") == b"1\n"


def test_stream_of_a_closed_connection_is_an_error(engine: Engine) -> None:
    """In chDB itself it is a segmentation fault."""
    connection = engine.connect()
    blocks = connection.stream("SELECT number FROM numbers(100000000)", "Native")
    next(blocks)
    connection.close()
    with pytest.raises(WarehouseError, match="is closed"):
        next(blocks)
    with pytest.raises(WarehouseError, match="is closed"):
        connection.execute("SELECT 1")
    connection.close()


def test_file_that_is_inserted_is_not_named_in_errors(connection: EngineConnection, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE filed (a UInt8) ENGINE = Memory")
    rows = tmp_path / "it's rows"
    rows.write_bytes(b"1\n\n2\nx\n")
    with pytest.raises(WarehouseError, match="CANNOT_PARSE") as failed:
        connection.insert_file("INSERT INTO filed (a)", "TSV", rows)
    assert str(tmp_path) not in str(failed.value)
    rows.write_bytes(b"1\n2\n")
    assert connection.insert_file("INSERT INTO filed (a)", "TSV", rows).statistics.written_rows == 2


def test_only_what_has_the_tag_is_killed(engine: Engine) -> None:
    endless = "SELECT count() FROM numbers(1000000000000)"
    with engine.connect("one") as one, engine.connect("two") as two, ThreadPoolExecutor(1) as thread:
        killed = thread.submit(one.execute, endless)
        running = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'one'"
        wait_for(lambda: engine.connect().execute(running) == b"1\n", "the query runs")
        blocks = two.stream("SELECT number FROM numbers(1000000000000)", "Native")
        assert next(blocks).data
        engine.kill("one")
        error = killed.exception(60)
        assert isinstance(error, WarehouseError)
        assert error.code == 394
        assert next(blocks).data
        blocks.close()


def test_setting_that_is_no_name_never_reaches_the_engine(connection: EngineConnection) -> None:
    with pytest.raises(WarehouseError, match="UNKNOWN_SETTING"):
        connection.change_settings({"max_threads = 1, readonly": "1"})


@pytest.mark.parametrize("name", ["data?readonly=1", "run=1", "a*", "{a}"])
def test_path_that_chdb_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="rename it"):
        Engine(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
