"""The papers' headline figures beside ours."""
