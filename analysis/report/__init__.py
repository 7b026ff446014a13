"""One self-contained HTML page of a results folder: explorer, tables, figures, and a replay one can watch."""
