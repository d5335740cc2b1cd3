"""Every command of the pages (tests/pages.py), and which test runs it. A new or changed command belongs in here.

What is set before a command (`A=b make x`) is left out."""

RUNS = "tests/e2e/test_page_commands.py"
IMAGES = f"{RUNS}::test_images_of_the_exports"
KFP = "tests/services/test_kfp_commands.py"
IN_A_MINUTE = f"{KFP}::test_submit_status_and_wait"
SENT_FILE = "tests/services/test_kfp_submit.py::test_a_study_is_sent"
ONE_BOX = "tests/e2e/test_one_at_a_time.py::test_single_steps_make_a_whole_study"
LAB = "tests/unit/cli/test_cli_lab.py"
NEXT_RUNG = "tests/unit/cli/test_halved_runs.py::test_the_next_rung_of_a_store_is_printed"
HALVED = "tests/unit/cli/test_halved_runs.py::test_the_dry_run_says_what_halving_saves"
HALVED_RUN = "tests/e2e/test_halved_study.py::test_those_that_go_on_continue_and_the_others_end"  # a smaller study
HALVED_DEMO = (
    'shallowsight study demo --out runs/halved --set settings=all --set seeds="0 1" '
    "--set finetune.schedule=constant_then_decay --set finetune.warmup=0.02"
)
NEXT_SEEDS = "tests/unit/cli/test_more_seeds.py::test_next_seeds_of_a_store_are_printed"
COMPARE = "tests/unit/cli/test_cli_compare.py"
COMPARE_RUNS = "tests/services/test_compare_runs.py::test_two_runs_of_one_bucket"
SCHEDULE = f"{KFP}::test_a_schedule_from_its_first_diff_to_its_end"
FETCH = "tests/services/test_fetch_command.py::test_fetch_as_it_stands_there"
TRACK = "tests/services/test_track_study.py::test_what_is_not_whole_there_is_sent_again"
BUILDERS = "tests/e2e/test_page_builders.py"
STOCK = "tests/e2e/test_from_study_to_transformers.py"
EXPORTED = f"{STOCK}::test_transformers_alone_gives_the_answers_of_the_evaluation"
CHATTED = f"{STOCK}::test_a_chat_with_the_study_and_with_the_folder"
SECRETS = "tests/e2e/test_page_secrets.py"
SECRET = f"{SECRETS}::test_keys_of_the_store_come_from_its_secret"

# Command -> file::name of the test that runs it, or file::line of what CI runs.
TESTED = {
    "make test": ".ci/run::make test",
    "make test-fast": ".ci/run::make test",  # these tests, and the slow ones
    "make lint": ".ci/run::make lint",
    "make check": ".ci/run::make lint",  # and make test-fast
    "make docs": "tests/e2e/test_site.py::test_make_docs",
    "make demo": "tests/e2e/test_quick_study.py::test_run_ends_well_and_says_so",  # the same road, a smaller study
    ".venv/bin/shallowsight study my.yaml --dry-run": f"{RUNS}::test_own_data",
    ".venv/bin/shallowsight study my.yaml": "tests/e2e/test_own_data.py::test_own_study_runs_from_anywhere",
    "export SHALLOWSIGHT_CPU_IMAGE=registry.example/shallowsight-python:1": IMAGES,
    "export SHALLOWSIGHT_TRAIN_IMAGE=registry.example/shallowsight-cuda-python:1": IMAGES,
    "manifests/make-secrets": "tests/manifests/test_make_secrets.py::test_secrets_are_what_the_pods_ask_for",
    "export KF_PIPELINES_ENDPOINT=https://kubeflow.example/pipeline": IN_A_MINUTE,
    "export SHALLOWSIGHT_KFP_TOKEN=...": IN_A_MINUTE,
    'shallowsight submit demo --store s3://shallowsight/studies/demo --gpus 8 --set seeds="0 1 2"': IN_A_MINUTE,
    "shallowsight status RUN_ID": IN_A_MINUTE,
    "shallowsight submit my.yaml --store s3://shallowsight/studies/my": SENT_FILE,
    "export AWS_ENDPOINT_URL=http://127.0.0.1:9000": FETCH,
    "export AWS_ACCESS_KEY_ID=$(kubectl -n shallowsight get secret shallowsight-store "
    "-o jsonpath='{.data.AWS_ACCESS_KEY_ID}' | base64 -d)": SECRET,
    "export AWS_SECRET_ACCESS_KEY=$(kubectl -n shallowsight get secret shallowsight-store "
    "-o jsonpath='{.data.AWS_SECRET_ACCESS_KEY}' | base64 -d)": SECRET,
    "shallowsight fetch s3://shallowsight/studies/demo --out report": FETCH,
    "kubectl -n shallowsight get secret shallowsight-store -o json | jq '{apiVersion, kind, type, data, "
    "metadata: {name: .metadata.name}}' | kubectl -n kubeflow create -f -": (
        f"{SECRETS}::test_the_copy_of_the_secret_has_nothing_of_its_namespace"
    ),
    "kubectl -n shallowsight create secret generic shallowsight-store --from-env-file=store.env": (
        f"{SECRETS}::test_a_secret_from_a_file"
    ),
    "shallowsight show demo": f"{RUNS}::test_quick_ones",
    "shallowsight show paper-1.4b": f"{RUNS}::test_quick_ones",
    "shallowsight list": f"{RUNS}::test_quick_ones",
    "shallowsight forecast paper-1.4b --device A100-80G --gpus 4": f"{RUNS}::test_quick_ones",
    "shallowsight study fusions --out runs/demo": f"{RUNS}::test_studies_of_the_lab_are_planned",
    "shallowsight study connectors --out runs/demo": f"{RUNS}::test_studies_of_the_lab_are_planned",
    "shallowsight benchmarks list": f"{RUNS}::test_quick_ones",
    "shallowsight benchmarks fetch pope mme --to benchmarks": (
        "tests/unit/data/test_fetch_benchmarks.py::test_a_set_is_fetched_whole"
    ),
    'shallowsight study my.yaml --set benchmarks="own pope mme" --set data.benchmarks=benchmarks': (
        "tests/e2e/test_public_benchmarks.py::test_a_study_with_public_benchmarks"
    ),
    "shallowsight forecast paper-fusion-1.4b": f"{RUNS}::test_quick_ones",
    "shallowsight forecast paper-connectors-7b": f"{RUNS}::test_quick_ones",
    "python -m benchmarks.paper_forecast": (
        "tests/unit/cost/test_cost_forecast.py::test_the_page_shows_what_the_command_prints"
    ),
    "python -m shallowsight.train": "tests/e2e/test_two_nodes.py::test_two_nodes_train_as_two_processes_do",
    "shallowsight study NAME_OR_FILE [--set k=v] [--out DIR_OR_S3_URL] [--dry-run]": (
        "tests/e2e/test_quick_study.py::test_run_ends_well_and_says_so"
    ),
    "shallowsight study": "tests/e2e/test_quick_study.py::test_run_ends_well_and_says_so",
    "shallowsight run NAME_OR_FILE": (
        "tests/e2e/test_one_at_a_time.py::test_one_experiment_makes_the_cells_of_the_study"
    ),
    "shallowsight forecast NAME_OR_FILE [--device A100-80G] [--gpus 4]": (
        "tests/unit/cli/test_cli.py::test_forecast_of_a_paper_experiment"
    ),
    "shallowsight show NAME": "tests/unit/cli/test_cli.py::test_show_is_yaml_that_holds_the_overrides",
    "shallowsight submit": IN_A_MINUTE,
    "shallowsight status": IN_A_MINUTE,
    "shallowsight fetch": FETCH,
    "shallowsight replay paper": "tests/unit/cli/test_cli_replay.py::test_replay_paper",
    "shallowsight track --out STORE": TRACK,
    "shallowsight track --out runs/my": TRACK,
    "export SHALLOWSIGHT_WEAVE=ENTITY/PROJECT": TRACK,
    "export WANDB_API_KEY=...": TRACK,
    "shallowsight study demo-stock": EXPORTED,
    "shallowsight export runs/demo-stock my-model --setting 8": EXPORTED,
    "shallowsight export CELL DIR [--setting SETTING] [--seed 0]": EXPORTED,
    "shallowsight export": EXPORTED,
    'shallowsight chat my-model picture.png "How many objects are there?"': CHATTED,
    "shallowsight chat CELL_OR_DIR IMAGE [QUESTION]": CHATTED,
    "shallowsight chat": CHATTED,
    "shallowsight compare STORE STORE [--out DIR] [--fail-if-worse]": f"{COMPARE}::test_worse_may_fail_a_build",
    "shallowsight compare runs/before runs/after --out compared": f"{COMPARE}::test_files_are_written",
    "shallowsight compare s3://bucket/retrain/weekly-shallow s3://bucket/retrain/weekly-shallow --run-before RUN_ID": (
        COMPARE_RUNS
    ),
    "shallowsight analyze TOWER IMAGES": f"{LAB}::test_analyze",
    "shallowsight analyze embedded:dinov2-small pictures --groups 3": f"{LAB}::test_analyze",
    "shallowsight analyze embedded:dinov2-small pictures --labels labels.csv": f"{LAB}::test_analyze_with_labels",
    "shallowsight explain TOWER IMAGE": f"{LAB}::test_explain",
    "shallowsight explain embedded:dinov2-small cat.png --point 175,110": f"{LAB}::test_explain",
    "shallowsight resolve": ONE_BOX,
    "shallowsight prepare-data": ONE_BOX,
    "shallowsight analyze-layers": ONE_BOX,
    "shallowsight encode-features": ONE_BOX,
    "shallowsight probe-layers": "tests/unit/steps/test_probe_layers.py::test_what_it_leaves_with_and_without_a_cache",
    "shallowsight probe-layers NAME_OR_FILE --out DIR": (
        "tests/unit/steps/test_probe_layers.py::test_what_it_leaves_with_and_without_a_cache"
    ),
    "shallowsight train-stage": ONE_BOX,
    "shallowsight evaluate": ONE_BOX,
    "shallowsight judge": ONE_BOX,
    "shallowsight report": ONE_BOX,
    "shallowsight next-rung --out STORE": NEXT_RUNG,
    "shallowsight next-rung --out s3://bucket/prefix": NEXT_RUNG,
    "shallowsight study my.yaml --dry-run --set halving.eta=4 --set finetune.schedule=constant_then_decay": HALVED,
    HALVED_DEMO: HALVED_RUN,
    f"{HALVED_DEMO} --set halving.eta=3": HALVED_RUN,
    "shallowsight next-seeds --out STORE": NEXT_SEEDS,
    "shallowsight next-seeds --out s3://bucket/prefix": NEXT_SEEDS,
    "shallowsight study my.yaml --dry-run": f"{RUNS}::test_own_data",
    "shallowsight study my.yaml --set early_stop=true": (
        "tests/e2e/test_stopped_early.py::test_a_setting_that_clearly_loses_is_not_evaluated_further"  # a smaller study
    ),
    "make compile": f"{BUILDERS}::test_make_compile",
    "make pin-images": "tests/unit/test_pin_bases.py::test_writes_the_digest_of_what_the_registry_keeps",
    "shallowsight schedule diff FILE": SCHEDULE,
    "shallowsight schedule apply FILE [--dry-run] [--prune]": SCHEDULE,
    "shallowsight schedule list FILE": SCHEDULE,
    "shallowsight schedule delete FILE": SCHEDULE,
    "python tests/architecture/import_picture.py": (
        "tests/architecture/test_import_picture.py::test_the_page_has_the_table"
    ),
    "python tests/vision_families_page.py": (
        "tests/unit/model/tower/test_vision_families.py::test_the_page_says_the_same"
    ),
    "python tests/families_page.py": "tests/unit/model/language/test_language_families.py::test_the_page_says_the_same",
    "python -m manifests.base.monitoring.dashboard": f"{BUILDERS}::test_the_dashboard",
    "python -m pytest tests/manifests": ".ci/run::make test",
    "python -m pytest tests/unit/store": ".ci/run::make test",
}

# docs/commands.md says once for all of them that they take minutes.
BENCHMARKS = {
    "python -m benchmarks...",
    "python -m benchmarks.startup runs/demo",
    "python -m benchmarks.evaluation runs/demo 11",
    "python -m benchmarks.training",
    "python -m benchmarks.statistics",
    "python -m benchmarks.memory",
    "python -m benchmarks.compare",
    "python -m benchmarks.compare 200",
    "python -m benchmarks.grouping",
    "python -m benchmarks.halving",
    "python -m benchmarks.rank_range",
    "python -m benchmarks.early_stop",
    "python -m benchmarks.early_stop runs/demo",
    "python -m benchmarks.similarity",
    "python -m benchmarks.validation",
    "python -m benchmarks.validation_parts.leak",
    "python -m benchmarks.validation_parts.pictures",
}

CLUSTER, ENGINE = "needs a cluster", "needs docker or podman"
# Command -> why not; the page says so beside it. That programs, options and targets exist is looked up all the same.
NOT_TESTED = {
    "make images": ENGINE,
    "make test-images": ENGINE,
    "make images compile": ENGINE,
    "make image-python BASE_PYTHON=...@sha256:...": ENGINE,
    "make images-local": ENGINE,
    "pip install docker": ENGINE,
    "kubectl apply --server-side -k manifests/overlays/mine": CLUSTER,
    "kubectl -n shallowsight wait --for=condition=complete job/minio-setup --timeout=10m": CLUSTER,
    "kubectl -n shallowsight port-forward service/minio 9000 &": CLUSTER,
    "kubectl get trainjobs -n shallowsight -L shallowsight/study,shallowsight/stage": CLUSTER,
    "kubectl get trainjobs": CLUSTER,
    "pytest -m cluster": CLUSTER,
    "pytest -m gpu": "needs a GPU",
}
