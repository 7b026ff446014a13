"""The radio of a device: its link to the base station, and where it is."""
