"""``python -m netsim``."""

from __future__ import annotations

from netsim.cli import main

main()
