"""Studies on a Kubeflow installation: submit a study, follow its run, and fetch its report from the store."""
