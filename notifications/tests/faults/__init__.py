"""Faults: a whole house of real processes, a crowd of pages that look at it, and things that are killed.

`make faults` runs all of it at its full size, and prints a table; `make test` runs a short form of each.
"""
