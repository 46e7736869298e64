EXTRA_DIST += bench/containers bench/images bench/load bench/transfer
