"""The package's compiled pipelines on a Kubeflow Pipelines server; each text is uploaded once."""

import tempfile
from pathlib import Path

from shallowsight.cluster.kubeflow.api import PAGE, KfpApi, named
from shallowsight.cluster.kubeflow.shipped import Shipped
from shallowsight.cluster.kubeflow.values import Version


class Versions:
    """The pipelines of a server."""

    def __init__(self, api: KfpApi) -> None:
        self._api = api

    def version(self, shipped: Shipped) -> Version:
        """The version with exactly this text on the server; uploads it if the server does not have it."""
        name = shipped.display_name
        pipeline = self._api.found_or_made(lambda: self._pipeline_id(name), lambda: self._make_pipeline(name))
        version = self._api.found_or_made(
            lambda: self._version_id(pipeline, shipped.version), lambda: self._upload(pipeline, shipped)
        )
        return Version(pipeline, version)

    def _pipeline_id(self, name: str) -> str | None:
        found = self._api.all(
            f"listing pipelines named {name!r}",
            lambda token, timeout: self._api.client.pipelines.pipeline_service_list_pipelines(
                page_token=token,
                page_size=PAGE,
                filter=named(name),
                namespace=self._api.namespace,
                _request_timeout=timeout,
            ),
            lambda page: page.pipelines,
        )
        return next((str(each.pipeline_id) for each in found if each.display_name == name), None)

    def _make_pipeline(self, name: str) -> str:
        # An upload would make the pipeline too, but would name the first version after the pipeline, not the text.
        body = self._api.models.V2beta1Pipeline(display_name=name, namespace=self._api.namespace)
        api = self._api.client.pipelines
        made = self._api.ask(
            f"making the pipeline {name!r}",
            lambda timeout: api.pipeline_service_create_pipeline(body, _request_timeout=timeout),
        )
        return str(made.pipeline_id)

    def _version_id(self, pipeline: str, name: str) -> str | None:
        found = self._api.all(
            f"listing versions named {name!r}",
            lambda token, timeout: self._api.client.pipelines.pipeline_service_list_pipeline_versions(
                pipeline, page_token=token, page_size=PAGE, filter=named(name), _request_timeout=timeout
            ),
            lambda page: page.pipeline_versions,
        )
        return next((str(each.pipeline_version_id) for each in found if each.display_name == name), None)

    def _upload(self, pipeline: str, shipped: Shipped) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{shipped.name}.yaml"
            path.write_text(shipped.text, encoding="utf-8")
            made = self._api.ask(
                f"uploading {shipped.display_name} {shipped.version}",
                lambda timeout: self._api.client.pipeline_uploads.upload_pipeline_version(
                    str(path), name=shipped.version, pipelineid=pipeline, _request_timeout=timeout
                ),
            )
            return str(made.pipeline_version_id)
