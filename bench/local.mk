EXTRA_DIST += bench/load
