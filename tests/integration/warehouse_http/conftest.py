from collections.abc import Iterator
from itertools import count

import pytest

from tests.integration.warehouse_http.process import Warehouse

_NUMBERS = count()


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """One process for all tests that do not end it; a silent client is given up after two seconds."""
    directory = tmp_path_factory.mktemp("warehouse")
    options = ("--receive-timeout", "2", "--queue-timeout", "5", "--max-queries", "8")
    with Warehouse.start(directory, *options) as started:
        yield started


@pytest.fixture
def database(warehouse: Warehouse) -> Iterator[str]:
    """An empty database for one test."""
    name = f"test_{next(_NUMBERS)}"
    assert warehouse.post(f"CREATE DATABASE {name}").status == 200
    yield name
    assert warehouse.post(f"DROP DATABASE {name}").status == 200
