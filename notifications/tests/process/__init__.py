"""Faults, with the real processes: a Celery worker, the tick, Valkey. Each is killed for real."""
