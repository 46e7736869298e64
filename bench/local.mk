EXTRA_DIST += bench/images bench/load bench/transfer
