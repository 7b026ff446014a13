"""Sweeps in chunks: what is missing, who computes it, where it is kept."""

from __future__ import annotations
