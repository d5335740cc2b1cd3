"""Kubernetes and Kubeflow: TrainJobs and the tasks of their pods, pipelines, submission and schedules.

May use errors, study, store and cost.
"""
