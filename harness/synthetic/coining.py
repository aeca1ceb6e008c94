"""Coins names of assets that nobody trades: `python -m harness.synthetic.coining` writes coined.py beside this.

The names come from Faker, whose word lists change between versions. So they are made once and kept, and what
generates trades reads the kept ones: the same seed gives the same bytes with any Faker, or with none.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from textwrap import fill

from faker import Faker

SEED = 20261123
NAMES = 1_000
KEPT = Path(__file__).with_name("coined.py")
_ENDINGS = ("", "", "", "COIN", "DAO", "FI", "INU", "SWAP")
# Assets that exist, as far as the exchanges' modules or the schema know them.
_TAKEN = frozenset(
    {"ADA", "BNB", "BTC", "DAI", "DOGE", "DOT", "ETH", "EUR", "LTC", "PEPE", "SHIB", "SOL", "TRX", "TRY", "XRP"}
)


def coin(seed: int = SEED) -> Iterator[str]:
    """Yield names of 3 to 9 capital letters, each once, without end."""
    fake = Faker("en_US")
    fake.seed_instance(seed)
    seen = set(_TAKEN)
    while True:
        name = fake.word().upper()[:5] + fake.random_element(_ENDINGS)
        if len(name) > 2 and name.isascii() and name.isalpha() and name not in seen:
            seen.add(name)
            yield name


def module_text() -> str:
    """Give the text of coined.py."""
    names = fill(" ".join(islice(coin(), NAMES)), 118, break_long_words=False, break_on_hyphens=False)
    because = "# noqa: SIM905  # quotes around a thousand names do not help reading"
    return (
        '"""Names of assets that nobody trades, most popular first. Made by coining.py; not to be edited."""\n\n'
        f'COINED: tuple[str, ...] = tuple(\n    """\n{names}\n""".split()  {because}\n)\n'
    )


if __name__ == "__main__":
    KEPT.write_text(module_text(), encoding="utf-8")
