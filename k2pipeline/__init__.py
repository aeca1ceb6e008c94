"""The pipeline: what ships. Never imports harness, load or tests."""
