"""Mutation testing: plant an error, and see whether a test notices."""
