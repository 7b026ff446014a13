"""``python -m analysis.reproduction``."""

from __future__ import annotations

from analysis.reproduction.page import main

main()
