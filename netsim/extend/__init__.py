"""One import for authors of plug-ins: what to implement, what is handed in, and the suites that check it."""
