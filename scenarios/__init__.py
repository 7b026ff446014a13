"""Scenario files; a package only so that they are installed with the others, nothing imports it."""
