"""Traces on disk: manifest, shards, nodes, trees."""
