"""The two clocks: SimPy events for whatever is shared, arrays for one device alone."""
