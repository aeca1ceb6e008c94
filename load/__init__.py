"""Load: Locust users that hold a rate, profiles of how it goes up and down, and the search for what the stack can take.

    make loadtest RATE=1000 DURATION=60s PROFILE=steady     # or: python -m load --rate 1000

A load test is a run like any other: harness.run plays it, with Locust as the way in (load/way.py), and the same checks
give the verdict.
"""
