"""Which image a box runs in. A local run uses the installed package instead and only needs the name."""

import os

# The tag is fixed at compile time; the committed pipelines carry this one.
CPU_IMAGE = os.environ.get("SHALLOWSIGHT_CPU_IMAGE", "ghcr.io/shallowsight/shallowsight-python:0.1.0")
TRAIN_IMAGE = os.environ.get("SHALLOWSIGHT_TRAIN_IMAGE", "ghcr.io/shallowsight/shallowsight-cuda-python:0.1.0")
