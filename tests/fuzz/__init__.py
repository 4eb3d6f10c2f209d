"""Fuzzing: hostile bytes for every format that comes from outside. `make fuzz` runs it, tests replay its corpus."""
