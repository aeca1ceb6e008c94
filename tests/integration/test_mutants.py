"""A few mutants meet their check, and a few exhibits exactly theirs, on the engine alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest

from harness.checks import EXPECTATIONS
from harness.museum.change import Change, changed
from harness.museum.exhibit import load_exhibits
from harness.museum.tour import tour
from harness.mutants.derive import Mutant, derive
from harness.mutants.rig import UnsoundSchemaError
from harness.mutants.schema import read_schema
from harness.mutants.trial import Court, Fate
from k2pipeline.schema import DEFAULT_DIRECTORY

SCHEMA = read_schema(DEFAULT_DIRECTORY)
MUTANTS = {mutant.id: mutant for mutant in derive(SCHEMA)}
KILLED = [
    ("ohlcv_1m_view/final_dropped/ohlcv_1m without FINAL", "ohlcv_1m.one_row_per_window"),
    ("silver_trades/key_column_dropped/ORDER BY without trade_id", "silver_trades.no_trade_lost"),
    ("silver_trades/version_dropped/ReplacingMergeTree without precedence", "silver_trades.trades_equal_truth"),
    ("dead_letters_silver_mv/view_forgotten/without dead_letters_silver_mv", "dead_letters.no_letter_lost"),
    ("ohlcv_1d/retention_changed/without TTL", "ohlcv_1d.rows_are_kept_as_promised"),
]
EXHIBITS = {exhibit.name: exhibit for exhibit in load_exhibits()}


def some_suites(folder: Path) -> Path:
    """All but those of five time frames: enough to tell, in half the time."""
    folder.mkdir()
    for path in EXPECTATIONS.glob("*.json"):
        if path.stem.removeprefix("ohlcv_") not in {"1s", "5m", "15m", "30m", "1h"}:
            copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    directory = tmp_path_factory.mktemp("mutants")
    made = Court(SCHEMA, directory / "engine", suites=some_suites(directory / "suites"))
    try:
        made.open()
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(("name", "check"), KILLED, ids=[name for name, _ in KILLED])
def test_mutant_is_killed_by_the_check_that_is_about_it(court: Court, name: str, check: str) -> None:
    trial = court.try_(MUTANTS[name])
    assert (trial.fate, trial.by) == (Fate.KILLED, check), trial


def test_mutant_that_the_engine_refuses_is_stillborn(court: Court) -> None:
    sql = "CREATE VIEW silver_trades_view AS SELECT nothing"
    refused = Mutant("x", "silver_trades_view", "002_silver.sql", 1, "c", 1, sql)
    assert court.try_(refused).fate is Fate.STILLBORN


def test_statement_that_only_looks_other_is_the_same(court: Court) -> None:
    sql = SCHEMA.objects["silver_trades_view"].sql.replace("\n", "\n\n")
    same = Mutant("x", "silver_trades_view", "002_silver.sql", 1, "c", 1, sql)
    assert court.try_(same).fate is Fate.SAME


@pytest.mark.parametrize("name", ["filter_that_discards", "partial_candles_without_group_by"])
def test_exhibit_fails_exactly_its_checks(court: Court, name: str) -> None:
    (seen,) = tour(SCHEMA, [EXHIBITS[name]], court.rig)
    assert seen.is_caught, (seen.missed, seen.unforeseen)


def test_exhibit_that_expects_too_little_is_not_caught(court: Court) -> None:
    modest = replace(EXHIBITS["side_always_unknown"], fails=("silver_trades.side_is_known",))
    (seen,) = tour(SCHEMA, [modest], court.rig)
    assert not seen.is_caught
    assert seen.unforeseen == ("silver_trades.trades_equal_truth",)


def test_schema_that_is_wrong_to_begin_with_is_refused(court: Court) -> None:
    court.rig.bench.apply(changed(SCHEMA, [Change("silver_trades_mv", "value", "side", "'UNKNOWN'")]))
    court.rig.deliver()
    with pytest.raises(UnsoundSchemaError, match=r"silver_trades\.trades_equal_truth \(\d+\)"):
        court.rig.require_sound()
