"""Simulated exchanges: a WebSocket server that plays frames as the exchanges themselves would send them.

dialects     each exchange's protocol, pure: text in, answers out; no socket and no clock
connection   one client: bytes of a socket <-> a dialect's session
server       listens, and lets time pass for every session
floor        which connection gets which frame; what is kept for those that were cut off
player       frames, through the faults, at their pace, onto the floor
sent         the record of every frame that was handed to a socket, or to nobody
"""
