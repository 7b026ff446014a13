"""``python -m analysis.validation``."""

from __future__ import annotations

from analysis.validation.page import main

main()
