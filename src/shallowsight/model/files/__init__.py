"""Files of models in the hub, a folder or a bucket: pinned by a digest and checked to be complete; never pickles."""
