"""An installation of Kubeflow Pipelines, through the client that cluster/kubeflow/pipelines.py opens."""
