"""What a run measures over its time, as runs/<id>/series.json.

    with watching(stack, group="k2") as watch:            # consumer lag and parts, while it plays and settles
        ...
    series = measure(client, watch)                       # after the truth was loaded
    write_series(series, directory)
    series.percentiles()["silver"].p99                    # ms

The curves of throughput, latency and freshness are read off the rows afterwards, so that measuring them costs the run
nothing; only what leaves no trace, lag and parts, is sampled on the way.
"""

from harness.series.curves import Layer, Series, write_series
from harness.series.latency import Latency
from harness.series.measure import measure
from harness.series.watch import Sample, Watch, watching

__all__ = ["Latency", "Layer", "Sample", "Series", "Watch", "measure", "watching", "write_series"]
