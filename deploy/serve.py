"""Model serving endpoints of a Databricks workspace, made to be what the tables say serves.

    python deploy/serve.py --catalog main --schema wanderbricks_ml --warehouse-id … [--group readers]

One endpoint a model, `wanderbricks-demand-predictor` and so on: the version that made the newest predictions (view
`model_versions`), and beside it the treatment of a running experiment, with its share of the requests. Small, scaled to
zero, its requests and answers kept in an inference table. An endpoint that is as it should be is left alone, so that a
job may call this after every scoring. Signs in as any tool of Databricks does: a job by itself, a shell by
`databricks auth login` or DATABRICKS_HOST and DATABRICKS_TOKEN.
"""

from __future__ import annotations

import logging
import operator
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import click
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import (
    AiGatewayConfig,
    AiGatewayInferenceTableConfig,
    EndpointCoreConfigInput,
    EndpointStateConfigUpdate,
    EndpointTag,
    Route,
    ServedEntityInput,
    ServingEndpoint,
    ServingEndpointAccessControlRequest,
    ServingEndpointDetailed,
    ServingEndpointPermissionLevel,
    TrafficConfig,
)
from databricks.sdk.service.sql import StatementState

OURS = "wanderbricks_ml_schema"
"""Tag of an endpoint that this script has made: the schema whose tables it follows."""

DEPLOYER = re.compile(r".+@.+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Whom target dev names where a group is asked for: who deploys, who may query what they have made."""

SERVING = """
select
    versions.model_name,
    versions.model_version,
    experiments.treatment_version,
    experiments.treatment_share
from model_versions as versions
left join experiment_state as experiments
    on versions.model_name = experiments.model_name
    and experiments.status = 'running'
where versions.alias = 'champion'
order by versions.model_name
"""

logger = logging.getLogger("serve")


@dataclass(frozen=True)
class Served:
    """What an endpoint serves: each version of a model with its share of the requests, in whole percent."""

    model_name: str
    percent: dict[int, int]

    @property
    def endpoint(self) -> str:
        """Name of the endpoint."""
        return "wanderbricks-" + self.model_name.replace("_", "-")

    def __str__(self) -> str:
        return ", ".join(f"v{version} {percent} %" for version, percent in self.percent.items())

    def config(self, catalog: str, schema: str) -> EndpointCoreConfigInput:
        """What the endpoint is made of."""
        return EndpointCoreConfigInput(
            name=self.endpoint,
            served_entities=[
                ServedEntityInput(
                    name=f"v{version}",
                    entity_name=f"{catalog}.{schema}.{self.model_name}",
                    entity_version=str(version),
                    workload_size="Small",
                    scale_to_zero_enabled=True,
                )
                for version in self.percent
            ],
            traffic_config=TrafficConfig(
                routes=[
                    Route(served_model_name=f"v{version}", traffic_percentage=percent)
                    for version, percent in self.percent.items()
                ]
            ),
        )


def rows(client: WorkspaceClient, warehouse_id: str, catalog: str, schema: str, query: str) -> list[list[Any]]:
    """Rows of a query of little output, as texts.

    Raises
    ------
    click.ClickException
        When the warehouse refuses it.
    """
    answer = client.statement_execution.execute_statement(
        query, warehouse_id, catalog=catalog, schema=schema, wait_timeout="50s"
    )
    while answer.status and answer.status.state in (StatementState.PENDING, StatementState.RUNNING):
        time.sleep(2)
        answer = client.statement_execution.get_statement(str(answer.statement_id))
    if answer.status is None or answer.status.state is not StatementState.SUCCEEDED:
        said = answer.status and answer.status.error and answer.status.error.message
        raise click.ClickException(
            f"the warehouse did not answer what serves in {catalog}.{schema} (the views come with the first scoring's "
            f"monitoring): {said}"
        )
    return (answer.result and answer.result.data_array) or []


def shares(found: Sequence[Sequence[Any]]) -> list[Served]:
    """What is to be served, from the rows of the query.

    A share below half a percent is one percent: an arm without requests would prove nothing.

    Raises
    ------
    click.ClickException
        When two versions are said to serve one model.
    """
    served: dict[str, Served] = {}
    for name, version, treatment, share in found:
        if name in served:
            raise click.ClickException(f"two versions of {name} serve in view model_versions: score it again")
        percent = {int(version): 100}
        if treatment is not None:
            treated = min(99, max(1, round(100 * float(share))))
            percent = {int(version): 100 - treated, int(treatment): treated}
        served[name] = Served(name, percent)
    return list(served.values())


def serves(endpoint: ServingEndpointDetailed, config: EndpointCoreConfigInput) -> bool:
    """Whether an endpoint serves these versions, by these shares, in this size."""
    asked = operator.attrgetter("name", "entity_name", "entity_version", "workload_size", "scale_to_zero_enabled")
    shared = operator.attrgetter("served_model_name", "traffic_percentage")
    found = endpoint.config
    if found is None or found.traffic_config is None or config.traffic_config is None:
        return False
    return set(map(asked, found.served_entities or [])) == set(map(asked, config.served_entities or [])) and set(
        map(shared, found.traffic_config.routes or [])
    ) == set(map(shared, config.traffic_config.routes or []))


def failed(endpoint: ServingEndpointDetailed) -> bool:
    """Whether its last change failed, so that it serves what it served before."""
    update = endpoint.state and endpoint.state.config_update
    return update in (EndpointStateConfigUpdate.UPDATE_FAILED, EndpointStateConfigUpdate.UPDATE_CANCELED)


class Endpoints:
    """The endpoints of one schema; `plan` says what would be done and does nothing."""

    def __init__(self, client: WorkspaceClient, catalog: str, schema: str, plan: bool, minutes: int) -> None:
        self.client, self.catalog, self.schema, self.plan = client, catalog, schema, plan
        self.patience = timedelta(minutes=minutes)
        self.there: dict[str, ServingEndpoint] = {
            str(endpoint.name): endpoint for endpoint in client.serving_endpoints.list()
        }

    @property
    def tag(self) -> str:
        return f"{self.catalog}.{self.schema}"

    def is_ours(self, endpoint: ServingEndpoint) -> bool:
        """Whether this script made it, for this schema."""
        return any(tag.key == OURS and tag.value == self.tag for tag in endpoint.tags or [])

    def log_of(self, served: Served) -> AiGatewayInferenceTableConfig:
        """Where its requests and answers are kept: `<model>_payload` in the schema."""
        return AiGatewayInferenceTableConfig(
            enabled=True, catalog_name=self.catalog, schema_name=self.schema, table_name_prefix=served.model_name
        )

    def bring(self, served: Served, group: str | None) -> bool:
        """Make or change one endpoint and wait for it; whether it serves what it should.

        Raises
        ------
        click.ClickException
            When the name is somebody else's, or a change takes too long.
        """
        name = served.endpoint
        if name in self.there and not self.is_ours(self.there[name]):
            raise click.ClickException(
                f"endpoint {name} is there, and follows another schema or none: remove it, or tag it {OURS}={self.tag}"
            )
        if name in self.there:
            self.change(served)
        else:
            self.create(served)
        if self.plan:
            return True
        endpoint = self.settled(name)
        if group and not DEPLOYER.fullmatch(group):
            may = ServingEndpointAccessControlRequest(
                group_name=group, permission_level=ServingEndpointPermissionLevel.CAN_QUERY
            )
            self.client.serving_endpoints.update_permissions(str(endpoint.id), access_control_list=[may])
        if not failed(endpoint):
            return True
        for entity in (endpoint.pending_config and endpoint.pending_config.served_entities) or []:
            if entity.state and entity.state.deployment_state_message:
                logger.error("%s: %s: %s", name, entity.name, entity.state.deployment_state_message)
        logger.error(
            "%s: what it served before goes on; see databricks serving-endpoints build-logs %s VERSION", name, name
        )
        return False

    def create(self, served: Served) -> None:
        """Begin to make an endpoint."""
        logger.info("%s: made, with %s", served.endpoint, served)
        if not self.plan:
            self.client.serving_endpoints.create(
                served.endpoint,
                config=served.config(self.catalog, self.schema),
                ai_gateway=AiGatewayConfig(inference_table_config=self.log_of(served)),
                tags=[EndpointTag(OURS, self.tag), EndpointTag("project", "wanderbricks_ml")],
            )

    def change(self, served: Served) -> None:
        """Begin to change an endpoint, where it is not as it should be."""
        name, config = served.endpoint, served.config(self.catalog, self.schema)
        # one change at a time: that of a run before is waited for
        endpoint = self.client.serving_endpoints.get(name) if self.plan else self.settled(name)
        if serves(endpoint, config) and not failed(endpoint):
            logger.info("%s: as it should be, %s", name, served)
        else:
            logger.info("%s: changed, to %s", name, served)
            if not self.plan:
                self.client.serving_endpoints.update_config(
                    name, served_entities=config.served_entities, traffic_config=config.traffic_config
                )
        kept = endpoint.ai_gateway and endpoint.ai_gateway.inference_table_config
        if kept != self.log_of(served):
            logger.info("%s: requests are kept in %s.%s_payload", name, self.tag, served.model_name)
            if not self.plan:
                # it is put whole: what an administrator has set beside, rate limits say, is theirs
                gateway = replace(endpoint.ai_gateway or AiGatewayConfig(), inference_table_config=self.log_of(served))
                self.client.serving_endpoints.put_ai_gateway(name, **vars(gateway))

    def settled(self, name: str) -> ServingEndpointDetailed:
        """An endpoint whose last change is over.

        Raises
        ------
        click.ClickException
            When it takes longer than there is patience for.
        """
        ends = time.monotonic() + self.patience.total_seconds()
        pause = 0.5
        while True:
            endpoint = self.client.serving_endpoints.get(name)
            if endpoint.state is None or endpoint.state.config_update is not EndpointStateConfigUpdate.IN_PROGRESS:
                return endpoint
            if time.monotonic() > ends:
                raise click.ClickException(f"{name} is still changing after {self.patience}; run this again later")
            logger.info("%s: changing", name)
            time.sleep(pause)
            pause = min(20.0, 2 * pause)

    def remove(self, models: Sequence[str]) -> None:
        """Take away endpoints of this schema, all or those of some models; nobody else's."""
        wanted = {Served(model, {}).endpoint for model in models}
        ours = sorted(name for name, endpoint in self.there.items() if self.is_ours(endpoint))
        for name in ours:
            if not wanted or name in wanted:
                logger.info("%s: removed", name)
                if not self.plan:
                    self.client.serving_endpoints.delete(name)
        absent = sorted(wanted - set(ours))
        if absent:
            raise click.ClickException(
                f"{self.tag} has no endpoint {', '.join(absent)}; it has {', '.join(ours) or 'none'}"
            )


@click.command(help=__doc__.partition("\n")[0], epilog="Docs: docs/production.md, Endpoints.")
@click.option("--catalog", required=True, help="Catalog of the tables and of the registered models.")
@click.option("--schema", default="wanderbricks_ml", show_default=True, help="Schema of both.")
@click.option("--warehouse-id", required=True, help="SQL warehouse that is asked what serves.")
@click.option("--model", "models", multiple=True, help="Only this model; may be given several times. [all that serve]")
@click.option("--group", help="Group that may query the endpoints.")
@click.option("--minutes", default=30, show_default=True, help="How long one endpoint is waited for.")
@click.option("--plan", is_flag=True, help="Say what would be done; do nothing.")
@click.option("--remove", is_flag=True, help="Take endpoints of the schema away instead: all, or those of --model.")
def main(
    catalog: str,
    schema: str,
    warehouse_id: str,
    models: tuple[str, ...],
    group: str | None,
    minutes: int,
    plan: bool,
    remove: bool,
) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("databricks").setLevel(logging.WARNING)
    client = WorkspaceClient()
    endpoints = Endpoints(client, catalog, schema, plan, minutes)
    if remove:
        endpoints.remove(models)
        return
    wanted = shares(rows(client, warehouse_id, catalog, schema, SERVING))
    serving = {served.model_name for served in wanted}
    absent = sorted(set(models) - serving)
    if absent or not wanted:
        raise click.ClickException(
            f"no version of {', '.join(absent) or 'any model'} serves in {catalog}.{schema}; "
            f"these do: {', '.join(sorted(serving)) or 'none'}"
        )
    brought = {
        served.endpoint: endpoints.bring(served, group)
        for served in wanted
        if not models or served.model_name in models
    }
    left = sorted(
        name
        for name, endpoint in endpoints.there.items()
        if endpoints.is_ours(endpoint) and not models and name not in brought
    )
    if left:
        logger.warning("%s: no version serves any more; left as it is (--remove takes it away)", ", ".join(left))
    red = [name for name, done in brought.items() if not done]
    logger.info(
        "%d of %d endpoints as they should be%s", len(brought) - len(red), len(brought), " (planned)" if plan else ""
    )
    if red:
        raise click.ClickException(f"not as they should be: {', '.join(red)}")


def run() -> None:
    """Run the command without click's own exit: to a job even `SystemExit: 0` is a failure."""
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    run()
