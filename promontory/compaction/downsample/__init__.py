"""Downsampling: a block at a coarser resolution."""
