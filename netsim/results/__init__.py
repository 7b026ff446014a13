"""Results: columns of a row, their statistics, logs of tokens and of time."""
