"""Profiles are data, and a wrong one is refused with the value and what would do instead."""

from pathlib import Path

import pytest

from load.job import Job, read_job
from load.profile import PROFILES, Profile, ProfileError, load_profile

NAMES = sorted(path.stem for path in PROFILES.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_profile_can_be_played(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert all(profile.pace(exchange).trades > 0 for exchange in profile.shares)


def test_the_ten_times_profile_is_a_thousand_and_a_tenth_of_it_for_ten_minutes() -> None:
    profile = load_profile("k2-10x")
    assert sorted(profile.pace(exchange).trades for exchange in profile.shares) == [60_000, 600_000]
    assert profile.seconds == 600


def test_rate_and_duration_replace_those_of_the_file() -> None:
    profile = load_profile("steady", rate=50, duration="10s")
    assert profile.trades_per_second == pytest.approx(55)
    assert profile.seconds == 10


def test_a_spike_has_its_peak_in_a_tenth_of_the_time() -> None:
    pace = load_profile("spike", rate=1000, duration="100s").pace(next(iter(load_profile("spike").shares)))
    assert pace.trades == 10 * 1000 + 90 * 50


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("rate = 0\nduration = '1s'\n[shares]\nbinance = 1.0", "rate 0"),
        ("rate = 1\nduration = '0s'\n[shares]\nbinance = 1.0", "0s"),
        ("rate = 1\nduration = 'soon'\n[shares]\nbinance = 1.0", "soon"),
        ("rate = 1\nduration = '1s'\n[shares]\nnasdaq = 1.0", "'nasdaq'"),
        ("rate = 1\nduration = '1s'\n[shares]\nbinance = 0.0", "binance = 0"),
        ("rate = 1\nduration = '1s'\n[shares]", "no exchange"),
        ("rate = 1\nduration = '1s'\nshape = [[0, 1]]\n[shares]\nbinance = 1.0", "from 0 to 1"),
        ("rate = 1\nduration = '1s'\nshape = [[0, 1], [1, -1]]\n[shares]\nbinance = 1.0", "below 0"),
        ("rate = 1\nduration = '1s'\nreaders = -1\n[shares]\nbinance = 1.0", "readers -1"),
        ("rate = 1\nduration = '1s'\nlinger_ms = -1\n[shares]\nbinance = 1.0", "linger_ms -1"),
        ("rate = 1\nduration = '1s'\npartitions = 0\n[shares]\nbinance = 1.0", "partitions 0"),
        ("rate = 1\nduration = '1s'\nspeed = 3\n[shares]\nbinance = 1.0", "'speed'"),
        ("duration = '1s'\n[shares]\nbinance = 1.0", "rate"),
        ("rate = ", "not a profile"),
    ],
)
def test_what_is_no_profile_is_refused_with_its_value(tmp_path: Path, content: str, finding: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(content)
    with pytest.raises(ProfileError, match=finding):
        load_profile(str(path))


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(ProfileError, match=r"'nope'.*k2-10x"):
        load_profile("nope")


def test_a_job_comes_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile("p", 10.0, 5.0, {"binance": 1.0}, ((0.0, 0.5), (1.0, 1.0)), 2)
    job = Job(profile, "127.0.0.1:9092", tmp_path, 3, 1_767_225_600 * 10**9, 2)
    job.write(tmp_path / "job.json")
    monkeypatch.setenv("K2_LOAD_JOB", str(tmp_path / "job.json"))
    assert read_job() == job


def test_without_a_job_the_next_step_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("K2_LOAD_JOB", raising=False)
    with pytest.raises(RuntimeError, match="make loadtest"):
        read_job()
