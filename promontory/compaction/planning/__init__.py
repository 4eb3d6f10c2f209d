"""What a pass is to do, decided by pure functions over metas, marks and the time: one decision a file."""
