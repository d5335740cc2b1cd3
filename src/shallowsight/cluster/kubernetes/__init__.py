"""A training as a TrainJob of Kubeflow Trainer: create, follow, explain, delete. The one door to `kubernetes`."""
