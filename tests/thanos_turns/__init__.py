"""Taking turns with the real Thanos compactor on one bucket: `python -m tests.thanos_turns --thanos PROGRAM`."""
