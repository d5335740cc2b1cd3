"""One function for each step of the pipelines: paths in, cells of the store out.

The pipelines call the library only through these functions. Every function asks the store first, before it imports
anything heavy: a cell whose files are complete is not made again. This package may use every other package but cli.
"""

from shallowsight.cluster.training import Launch as Launch
from shallowsight.steps.analysis import analyze_layers as analyze_layers
from shallowsight.steps.analysis import plan_members as plan_members
from shallowsight.steps.comparing import compare_with_run_before as compare_with_run_before
from shallowsight.steps.comparing import show_comparison as show_comparison
from shallowsight.steps.data import prepare_data as prepare_data
from shallowsight.steps.evaluation import evaluate as evaluate
from shallowsight.steps.features import encode_features as encode_features
from shallowsight.steps.judging import ask_again as ask_again
from shallowsight.steps.judging import judge as judge
from shallowsight.steps.probing import probe_layers as probe_layers
from shallowsight.steps.reporting import looks as looks
from shallowsight.steps.reporting import next_rung as next_rung
from shallowsight.steps.reporting import report as report
from shallowsight.steps.resolve import resolve_experiment as resolve_experiment
from shallowsight.steps.resolve import resolve_study as resolve_study
from shallowsight.steps.smallest_gap import smallest_gaps as smallest_gaps
from shallowsight.steps.study_document import publish as publish
from shallowsight.steps.study_document import read_resolved as read_resolved
from shallowsight.steps.training import train_stage as train_stage
from shallowsight.store.opening import open_store as open_store
from shallowsight.study.parameters import gpus_of as gpus_of
from shallowsight.study.parameters import require_gpus as require_gpus
from shallowsight.study.parameters import settings_override as settings_override
from shallowsight.study.parameters import words_of as words_of
from shallowsight.train.garbage import collect_less_often

collect_less_often()  # before a step imports torch
