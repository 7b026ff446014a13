"""The command line as one object, for the pages that are generated from it."""

from __future__ import annotations

from typer.main import get_command

from netsim.cli import app, register

register()
command = get_command(app)
