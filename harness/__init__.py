"""The harness: replay, truth, checks, verdict. May import k2pipeline."""
