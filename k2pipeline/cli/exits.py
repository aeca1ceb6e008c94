"""How a command ends other than well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

WRONG_INPUT: Final = 2
STACK_DIED: Final = 3


class ExitError(Exception):
    """Ends the command with `code`; the message says what was found and the next step."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def exits(errors: dict[type[Exception], int]) -> Iterator[None]:
    """Errors of these types become exits with their codes."""
    try:
        yield
    except tuple(errors) as error:
        code = next(code for kind, code in errors.items() if isinstance(error, kind))
        raise ExitError(code, str(error)) from error
