"""Rejection over uncertainty: the line, its thresholds, its risk."""
