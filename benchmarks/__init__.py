"""What Belfry can do, measured beside its rivals in one run: `make bench`, which writes docs/benchmarks.md.

`python -m benchmarks broadcast idle` runs these scenarios only. Each is a module in `scenarios/`; `contenders/` start
the servers, `load/` is the client in C, and `report.py` turns what came out into a page.
"""
