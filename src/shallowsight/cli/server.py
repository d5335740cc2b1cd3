"""Which Kubeflow Pipelines installation a command talks to, and as whom."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # `--help` has to answer at once
    from shallowsight.cluster.kubeflow.api import KfpApi

Host = Annotated[
    str | None, typer.Option(metavar="URL", help="Of Kubeflow Pipelines; KF_PIPELINES_ENDPOINT when left out.")
]
Namespace = Annotated[str | None, typer.Option(help="Yours, on an installation with many users.")]
Context = Annotated[str | None, typer.Option(help="A context of your kube configuration, instead of a host.")]
TokenFile = Annotated[
    Path | None, typer.Option(help="Holds a bearer token; else SHALLOWSIGHT_KFP_TOKEN or KF_PIPELINES_SA_TOKEN_PATH.")
]


def connect(host: str | None, namespace: str | None, context: str | None, token_file: Path | None) -> "KfpApi":
    """Raises ConfigurationError for a host or a token that is none; asks the server at most who its users are."""
    from shallowsight.cluster.kubeflow.access import access
    from shallowsight.cluster.kubeflow.api import KfpApi

    return KfpApi(access(host, namespace, context, token_file))
