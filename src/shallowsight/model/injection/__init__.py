"""From features of the tower into the hidden states of the language model, past its input embeddings.

`places.py` says where in a batch the pictures are, `decoder.py` where in a language model a layer can enter, `added.py`
and `attended.py` what then happens to the hidden states, and `injection.py` puts all of it together.
"""
