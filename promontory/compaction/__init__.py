"""Blocks made of blocks: which to merge, downsample, retire; how; and the proof that nothing was lost."""
