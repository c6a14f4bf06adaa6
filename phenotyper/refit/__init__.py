"""The recipe run many times: one loop for all refits, what is kept of them, how partitions are matched."""
