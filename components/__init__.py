"""The boxes of the pipelines: each a shell around one function of shallowsight.steps."""
