"""The trace format: trees of prefixes with what both models think of the next token."""
