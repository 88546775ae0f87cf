"""Release analysis side by side, simulated: `python hack/bench/analysis --help`."""
