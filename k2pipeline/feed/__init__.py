"""From an exchange's WebSocket to its topic, every frame unchanged: `k2 feed`, and to a file: `k2 record`.

    exchange --> Connection --> Relay --> Outlet --> topic
                 FrameReader    classify  librdkafka's queue
                      ^                       |
                      +------- Valve <--------+   a queue that fills up stops the reading of sockets

A session keeps one connection subscribed, replaces it when it is lost, silent or about to be cut, and leaves
the rest to the exchange's resends and to what is downstream, which is right under duplicates. So two handlers
may run side by side for the same symbols: each trade then arrives twice and counts once.

What is bounded, and by what (benchmarks/feed.py measures it):

- librdkafka's queue by `queue_high_messages`, where reading stops, and by `queue_bytes`, which it never passes;
- what was read and does not fit into it by one read of each socket, 256 KiB, or 512 KiB of one with TLS;
- of a frame that is not there in full, or comes in fragments, up to `max_frame_bytes` for each connection, and as
  much again for the moment in which it is put together;
- what TLS has read and not decrypted by two reads of each socket, 512 KiB;
- what waits in the kernel by its socket buffers, after which TCP tells the exchange to wait.

When it is stopped it reads on, under the same bounds, until the exchange has agreed to the end of the connection or
`flush_s` are over.

An exchange that has to wait too long cuts the connection: then the frames of that time were never received,
which `k2_feed_gap_trades_total` shows. No frame that was received is dropped. Nothing here knows an exchange:
that is in k2pipeline/exchanges.
"""
