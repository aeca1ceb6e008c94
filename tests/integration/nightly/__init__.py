"""The nightly command on a real warehouse."""
