"""Kubernetes and Kubeflow: TrainJobs, what a pod is told, pipelines, submission and schedules.

May use errors, study, store and cost.
"""
