"""``python -m analysis.field``."""

from __future__ import annotations

from analysis.field.page import main

main()
