"""Mutants of the schema: small mistakes made on purpose, to see whether the checks see them (docs/mutants.md)."""


class MutantsError(Exception):
    """What was asked for cannot be carried out; the message says what to mend."""
