"""The command ``netsim``, also ``python -m netsim``."""

from __future__ import annotations

from netsim.startup import interruptible_start


def main() -> None:
    """Import the command line and run it."""
    with interruptible_start():
        from netsim.cli import main as run  # noqa: PLC0415  (what takes long is imported inside the guard)
    run()


if __name__ == "__main__":
    main()
