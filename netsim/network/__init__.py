"""Several devices: events, uplink schedulers, server, arrivals and places."""

from __future__ import annotations
