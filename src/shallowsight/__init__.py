"""Find the layers of a vision transformer that a multimodal LLM should look at."""

__version__ = "0.1.0"
