"""Blocks of one stream made one block."""
