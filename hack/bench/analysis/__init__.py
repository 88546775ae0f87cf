"""Side-by-side simulation of release analysis: `python -m hack.bench.analysis --help`."""
