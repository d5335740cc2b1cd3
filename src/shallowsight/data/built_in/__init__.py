"""The data sets that come with shallowsight: composed scenes with exact truth, and easy-VQA."""
