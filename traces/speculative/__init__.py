"""Speculative decoding along a tree: draws, drafts, uploads, acceptance."""
