"""Causal language models: the families that are supported, their tokenizers, and the one made from scratch."""
