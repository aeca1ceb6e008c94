"""Nasty frames in both of the wire forms: arrays are WebSocket v1, objects v2."""
