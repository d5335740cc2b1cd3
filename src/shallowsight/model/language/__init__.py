"""Causal language models: the supported families, their tokenizers, and the small model made from scratch."""
