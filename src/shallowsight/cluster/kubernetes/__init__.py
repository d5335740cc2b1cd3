"""A training as a TrainJob of Kubeflow Trainer: create, watch, explain, delete. The only user of `kubernetes`."""
