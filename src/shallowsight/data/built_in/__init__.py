"""The data sets in this package: composed scenes, whose right answers are known exactly, and easy-VQA."""
