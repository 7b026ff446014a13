"""How good a policy's text is, beside its speed: likelihood, distance to the LLM, similarity to references.

`outputs` walks a trace under policies, `similarity` compares their texts once each, and `compare` sets every policy
beside ``llm`` and ``hlm``.
"""
