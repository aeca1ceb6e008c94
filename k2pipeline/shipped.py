"""Where the files are that ship with the program and are no modules: sql/, expectations/, replays/.

In a checkout they lie beside the packages; an installed K2 has them under share/k2 of its environment.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).resolve().parent.parent
SHIPPED: Final = (
    _CHECKOUT if (_CHECKOUT / "pyproject.toml").is_file() else Path(sysconfig.get_path("data")) / "share" / "k2"
)
