"""Scenarios from flags and files: what they play, what they refuse, and the flags that make them again."""

import argparse
from pathlib import Path

import pytest

from harness.commands import verify
from harness.exchange.source import generated
from harness.plan import plan
from harness.scenario import Scenario, ScenarioError, load_scenario
from harness.synthetic.exchanges import EXCHANGES
from harness.truth import EXCHANGES as TRUTHS
from harness.truth.jumps import jumps_of
from k2pipeline.exchanges import EXCHANGES as WIRE
from k2pipeline.exchanges import FrameKind

CAPTURE = Path("replays/kraken-v1-1.jsonl.gz")


def test_flags_make_the_scenario_again() -> None:
    parser = argparse.ArgumentParser()
    verify.add_arguments(parser)
    scenario = Scenario(synthetic="1s", symbols=500, id_jumps=9, rate="100", seed=7, faults=("gap=1",), partitions=2)
    assert verify._scenario(parser.parse_args(scenario.flags())) == scenario


def test_a_run_plays_so_many_symbols_of_each_exchange() -> None:
    seen: dict[str, set[str]] = {exchange: set() for exchange in EXCHANGES}
    for captured in plan(Scenario(synthetic="5s", symbols=30)).frames():
        frame = WIRE[captured.exchange].classify(captured.frame)
        if frame.kind is FrameKind.TRADE:
            seen[captured.exchange].add(frame.symbol)
    assert {exchange: len(symbols) for exchange, symbols in seen.items()} == dict.fromkeys(EXCHANGES, 30)
    assert seen == {exchange: set(symbols) for exchange, symbols in (generated(10**9, 1, 30).symbols or {}).items()}


@pytest.mark.parametrize("symbols", [-1, 0, 3_014])
def test_symbols_that_do_not_exist_are_refused_before_anything_starts(symbols: int) -> None:
    with pytest.raises(ScenarioError, match=f"{symbols} symbols of each exchange; give a number from 1 to 3013"):
        plan(Scenario(synthetic="1s", symbols=symbols))


def test_symbols_are_refused_with_captures() -> None:
    with pytest.raises(ScenarioError, match=r"--symbols 5 is for synthetic trades.*leave it out"):
        Scenario(captures=(CAPTURE,), symbols=5)


@pytest.mark.parametrize(("captures", "given"), [((), "neither"), ((CAPTURE,), "both")])
def test_a_run_plays_captures_or_synthetic_trades(captures: tuple[Path, ...], given: str) -> None:
    with pytest.raises(ScenarioError, match=given):
        Scenario(captures=captures, synthetic="1s" if captures else "")


def test_captures_take_the_place_of_a_files_synthetic_trades_and_their_symbols(tmp_path: Path) -> None:
    path = tmp_path / "many.toml"
    path.write_text('synthetic = "1s"\nsymbols = 500\nid_jumps = 5\n')
    assert load_scenario(str(path), {}).symbols == 500
    assert load_scenario(str(path), {"captures": (CAPTURE,)}) == Scenario("many", captures=(CAPTURE,))


def test_a_file_whose_symbols_are_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.toml"
    path.write_text('synthetic = "1s"\nsymbols = "500"\n')
    with pytest.raises(ScenarioError, match="symbols = '500' should be a int"):
        load_scenario(str(path), {})


def test_ids_jump_in_a_run_as_often_as_its_scenario_says() -> None:
    def jumps(scenario: Scenario) -> int:
        return len(jumps_of(plan(scenario).frames(), TRUTHS))

    assert jumps(Scenario(synthetic="5s")) == 0
    assert jumps(Scenario(synthetic="5s", id_jumps=5_000)) > 5


@pytest.mark.parametrize("per_million", [-1, 1_000_001])
def test_more_id_jumps_than_trades_are_refused_before_anything_starts(per_million: int) -> None:
    with pytest.raises(ScenarioError, match=f"{per_million} id jumps per million trades; give 0 to 1000000"):
        plan(Scenario(synthetic="1s", id_jumps=per_million))


def test_id_jumps_are_refused_with_captures() -> None:
    with pytest.raises(ScenarioError, match=r"--id-jumps 5 is for synthetic trades.*leave it out"):
        Scenario(captures=(CAPTURE,), id_jumps=5)
