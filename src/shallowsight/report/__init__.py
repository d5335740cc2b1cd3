"""From evaluated cells to findings, a recommendation, figures and a page.

May use errors, study, store, data and evaluate.
"""
