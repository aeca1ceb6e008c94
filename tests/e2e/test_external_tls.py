"""A warehouse behind TLS: external stack, migrator and SQLAlchemy reach it, and only with its authority known."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy

from k2pipeline.schema import SchemaVariables, apply_schema
from k2pipeline.stack import Stack, StackError, start_stack
from tests.integration.exchange_tls import self_signed

pytestmark = pytest.mark.e2e


@contextmanager
def tls_in_front_of(port: int, certificate: Path) -> Iterator[int]:
    """Ends TLS on a port of its own, and passes what it reads on to `port` of this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(passed_on, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while read := await reader.read(65536):
            writer.write(read)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture
def behind_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k2_stack_name: str) -> Iterator[Stack]:
    """A stack; the environment names its warehouse by https, and holds its password."""
    with start_stack(k2_stack_name, workdir=tmp_path) as stack:
        certificate = self_signed(tmp_path)
        with tls_in_front_of(stack.warehouse.port, certificate) as port:
            monkeypatch.setenv("K2_BOOTSTRAP", stack.bootstrap)
            monkeypatch.setenv("K2_CLICKHOUSE_URL", f"https://{stack.warehouse.user}@127.0.0.1:{port}/k2")
            monkeypatch.setenv("K2_CLICKHOUSE_PASSWORD", stack.warehouse.password)
            monkeypatch.setenv("K2_CLICKHOUSE_CA_FILE", str(certificate))
            yield stack


def test_a_warehouse_behind_tls_takes_the_schema_and_answers(behind_tls: Stack, tmp_path: Path) -> None:
    with start_stack("external", workdir=tmp_path) as stack:
        assert stack.warehouse.url.startswith("https://")
        apply_schema(stack.warehouse, SchemaVariables(kafka_brokers=stack.warehouse_bootstrap))
        with stack.warehouse.client() as client:
            assert client.query("SELECT count() FROM silver_trades").first_row == (0,)
        engine = sqlalchemy.create_engine(stack.warehouse.sqlalchemy_url())
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("SELECT count() FROM k2.ohlcv_1m")).scalar() == 0
        engine.dispose()


def test_a_warehouse_whose_authority_is_not_known_is_refused(
    behind_tls: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("K2_CLICKHOUSE_CA_FILE")
    with pytest.raises(StackError, match=r"(?i)certificate") as refused, start_stack("external", workdir=tmp_path):
        pass
    assert behind_tls.warehouse.password not in str(refused.value)
