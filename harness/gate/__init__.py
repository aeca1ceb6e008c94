"""The schema gate: what does a change of sql/ do to the rows, before it ships?

    outcome = compare(base, candidate, scenario, policy, out=Path("runs"))
    outcome.verdict, outcome.passes

Both schemas get the same tape on one stack, in two databases of one warehouse, so that every table is compared inside
it. A verdict is one of identical, additive, changed and breaking, and comes with the evidence.
"""
