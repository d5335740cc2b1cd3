"""Studies on a Kubeflow installation: what is sent there, and what is fetched from the store."""
