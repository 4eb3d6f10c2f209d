"""Blocks in local directories, read once from the first series to the last, in windows of bounded size."""
