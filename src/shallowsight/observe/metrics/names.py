"""Prometheus metrics of one training stage; every name begins with shallowsight_train_ (here: ..._).

Values that have a rate are counters. Queries over five minutes, by study, cell and stage:

    tokens per second    sum by (study, cell, stage) (rate(..._tokens_total[5m]))
    samples per second   sum by (study, cell, stage) (rate(..._samples_total[5m]))
    updates per second   sum by (study, cell, stage) (rate(..._update_seconds_count[5m]))
    waiting for data     rate(..._data_wait_seconds_total[5m]) / rate(..._update_seconds_sum[5m])
    MFU with pauses      rate(..._operations_total[5m]) / ..._peak_operations_per_second
    share done           ..._updates_total / ..._planned_updates
    no progress          time() - (..._last_update_timestamp_seconds or ..._started_timestamp_seconds) > 1800
                           and ..._running == 1
    checkpoint too old   time() - (..._saved_timestamp_seconds or ..._started_timestamp_seconds) > 3600
                           and ..._running == 1
    checkpoints fail     increase(..._state_save_failures_total[1h]) > 0
    failed, and why      max by (study, cell, stage, reason) (last_over_time(..._failed[15m])) == 1

In a resumed training `updates_total` starts at the update where it resumes. All other counters count the work of this
process and start at 0, so that rates are right. Never take a rate of `updates_total`: after a crash it restarts below
its last value, which Prometheus would count as that many new updates.

In a run over several nodes only the first node has the metrics of the whole run, so that sums over nodes are right. The
other nodes have only their memory, `last_update_timestamp_seconds` and `running`.

A failed training serves its reason for SHALLOWSIGHT_METRICS_LINGER more seconds, so that Prometheus can scrape it.

The last box of a retraining serves one metric in the same way: RETRAINING, how the run compares with the one before it.
"""

from shallowsight.errors import (
    ConfigurationError,
    CorruptOutput,
    LeaseHeld,
    LossNotFinite,
    OutOfMemory,
    ShallowsightError,
    StoreUnavailable,
)

PREFIX = "shallowsight_train_"
LABELS = ("study", "cell", "stage", "node")
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0)  # seconds

GAUGES = {
    "loss_nats": "Mean cross-entropy of the last update over its supervised tokens.",
    "learning_rate": "Learning rate of the last update.",
    "left_out_records": "Records that are not trained on: no answer is within the language model's length.",
    "cut_records": "Records that are trained on up to the language model's length.",
    "planned_updates": "Optimizer updates that the stage will have.",
    "tokens_per_second": "Tokens of the last updates by their time.",
    "samples_per_second": "Samples of the last updates by their time.",
    "data_wait_share": "Share of the last updates' time that was spent waiting for data, from 0 to 1.",
    "mfu": "Model FLOPs utilisation of the last updates, from 0 to 1.",
    "peak_operations_per_second": "Floating-point operations per second that the devices of all processes can do.",
    "started_timestamp_seconds": "Unix time when the training started or resumed.",
    "saved_update": "Number of the update after which the last state was saved.",
    "saved_timestamp_seconds": "Unix time when the last state was saved.",
}
NODE_GAUGES = {
    "peak_memory_bytes": "The most memory that the node's leading training process has held.",
    "peak_device_memory_bytes": "The most memory that the node's leading training process has held on its GPU.",
    "last_update_timestamp_seconds": "Unix time of the end of the last update.",
    "running": "1 while the training runs, 0 when it has ended.",
}
FAILED = "failed"
FAILED_TEXT = "1 when the training has failed, with the reason."
REASON = "reason"  # the label of `failed`; its values are these, or OTHER_REASON
REASONS: dict[type[ShallowsightError], str] = {
    LossNotFinite: "loss_not_finite",
    OutOfMemory: "out_of_memory",
    StoreUnavailable: "store_unavailable",
    CorruptOutput: "corrupt_output",
    LeaseHeld: "lease_held",
    ConfigurationError: "configuration",
}
OTHER_REASON = "other"
COUNTERS = {
    "updates_total": "Optimizer updates done, those before a resume included.",
    "tokens_total": "Text and image tokens seen by the language model.",
    "samples_total": "Training samples seen.",
    "data_wait_seconds_total": "Time spent waiting for data, mean over the processes.",
    "operations_total": "Floating-point operations of the model itself, forward and backward, without recomputation.",
    "state_save_failures_total": "States that could not be saved.",
}
RETRAINING = "shallowsight_retraining_comparisons"
RETRAINING_TEXT = "Comparisons of a retraining with the run before it: settings in categories, by their verdict."
RETRAINING_LABELS = ("study", "verdict")  # the verdict's words joined by `_`
