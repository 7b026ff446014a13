"""Validation: what the simulator gives beside what is known without it."""
