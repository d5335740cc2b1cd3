"""An installation of Kubeflow Pipelines, through the client that services/pipelines.py opens."""
