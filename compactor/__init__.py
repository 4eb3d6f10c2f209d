"""The compactor's service: flags, loop, metrics, progress; the work is done in promontory/compaction."""
