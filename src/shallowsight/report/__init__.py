"""The report: findings from evaluated cells, a recommendation, figures and an HTML page.

May use errors, study, store, data and evaluate.
"""
