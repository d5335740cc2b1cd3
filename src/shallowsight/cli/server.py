"""The options for the Kubeflow Pipelines server and the credentials of a command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # not imported at run time, because `--help` must be quick
    from shallowsight.cluster.kubeflow.api import KfpApi

Host = Annotated[
    str | None, typer.Option(metavar="URL", help="Address of Kubeflow Pipelines; KF_PIPELINES_ENDPOINT when left out.")
]
Namespace = Annotated[str | None, typer.Option(help="Your namespace, on an installation with many users.")]
Context = Annotated[str | None, typer.Option(help="A context of your kube configuration, instead of a host.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="File with a bearer token; else SHALLOWSIGHT_KFP_TOKEN or KF_PIPELINES_SA_TOKEN_PATH."),
]


def connect(host: str | None, namespace: str | None, context: str | None, token_file: Path | None) -> "KfpApi":
    """Connect to a server; the only request is whether it has many users.

    Raises ConfigurationError for a malformed host or token.
    """
    from shallowsight.cluster.kubeflow.access import access
    from shallowsight.cluster.kubeflow.api import KfpApi

    return KfpApi(access(host, namespace, context, token_file))
