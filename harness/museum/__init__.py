"""Defects that real pipelines shipped, each a change of the present schema, and the checks that must see it."""
