"""The radio: fading, rate laws, path loss and the cumulative-capacity curve. Knows nothing of tokens."""
