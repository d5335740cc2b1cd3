"""Files of models in the hub, a folder or a bucket: pinned by a digest, complete, and never pickles."""
