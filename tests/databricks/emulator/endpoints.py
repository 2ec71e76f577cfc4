"""Model serving endpoints: their routes and what the platform refuses, without a model behind them."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable
from typing import Any

Reply = tuple[dict[str, Any], int]

POLLS = 2
"""How often a change is still going on when it is asked for."""
PREFIX = r"/api/2\.0/serving-endpoints"


class Refused(Exception):
    """What the platform answers in place of doing it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.reply: Reply = {"error_code": code, "message": message}, status


class Endpoints:
    """Endpoints by name, as the REST interface tells them.

    Attributes
    ----------
    broken
        Entities, as `catalog.schema.model/version`, that fail to be deployed.
    calls
        The method and path of each request that changed something.
    """

    def __init__(self, is_registered: Callable[[str, str], bool]) -> None:
        self.is_registered = is_registered
        self.broken: set[str] = set()
        self.calls: list[str] = []
        self.permissions: dict[str, list[dict[str, Any]]] = {}
        self._there: dict[str, dict[str, Any]] = {}
        self._pending: dict[str, int] = {}
        self._numbers = itertools.count(1)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Reply | None:
        """Answer a request; None where it is none of endpoints."""
        for verb, pattern, handler in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                if method != "GET":
                    self.calls.append(f"{method} {path.removeprefix('/api/2.0/')}")
                try:
                    return handler(self, match, body), 200
                except Refused as refused:
                    return refused.reply
        return None

    def list(self, match: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        return {"endpoints": [self._told(endpoint) for endpoint in self._there.values()]}

    def get(self, match: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._named(match[1])
        left = self._pending.get(match[1])
        if left is not None:
            self._pending[match[1]] = left - 1
            if left <= 0:
                self._settle(endpoint)
        return self._told(endpoint)

    def create(self, match: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        name = body.get("name", "")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name):
            raise Refused("INVALID_PARAMETER_VALUE", f"Endpoint name {name!r} is not valid")
        if name in self._there:
            raise Refused("RESOURCE_ALREADY_EXISTS", f"Endpoint with name '{name}' already exists")
        config = self._checked(body["config"])
        self._there[name] = {
            "name": name,
            "id": f"{next(self._numbers):032x}",
            "tags": body.get("tags", []),
            "ai_gateway": body.get("ai_gateway", {}),
            "state": {"ready": "NOT_READY", "config_update": "IN_PROGRESS"},
            "pending_config": config,
        }
        self._pending[name] = POLLS
        return self._told(self._there[name])

    def change(self, match: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._named(match[1])
        if match[1] in self._pending:
            raise Refused("RESOURCE_CONFLICT", f"Endpoint '{match[1]}' is being updated", 409)
        endpoint["pending_config"] = self._checked(body)
        endpoint["state"]["config_update"] = "IN_PROGRESS"
        self._pending[match[1]] = POLLS
        return self._told(endpoint)

    def keep_requests(self, match: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._named(match[1])
        kept = endpoint["ai_gateway"].get("inference_table_config", {})
        asked = body.get("inference_table_config", {})
        is_on = kept.get("enabled") and asked.get("enabled")
        if is_on and any(asked.get(name) != kept[name] for name in ("catalog_name", "schema_name")):
            raise Refused("INVALID_PARAMETER_VALUE", "Disable the inference table before its place is changed")
        endpoint["ai_gateway"] = copy.deepcopy(body)
        return body

    def remove(self, match: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        self._named(match[1])
        del self._there[match[1]]
        self._pending.pop(match[1], None)
        return {}

    def permit(self, match: re.Match[str], body: dict[str, Any]) -> dict[str, Any]:
        if match[1] not in {endpoint["id"] for endpoint in self._there.values()}:
            raise Refused("RESOURCE_DOES_NOT_EXIST", f"No endpoint has the id {match[1]}", 404)
        for given in body["access_control_list"]:
            if "@" in given.get("group_name", ""):
                raise Refused("RESOURCE_DOES_NOT_EXIST", f"Group {given['group_name']} does not exist", 404)
        self.permissions.setdefault(match[1], []).extend(body["access_control_list"])
        return {"object_id": match[1], "access_control_list": []}

    def _named(self, name: str) -> dict[str, Any]:
        if name not in self._there:
            raise Refused("RESOURCE_DOES_NOT_EXIST", f"Endpoint with name '{name}' does not exist", 404)
        return self._there[name]

    def _checked(self, config: dict[str, Any]) -> dict[str, Any]:
        """A configuration that the platform takes."""
        entities = config.get("served_entities", [])
        names = [entity.get("name") for entity in entities]
        if not names or len(names) != len(set(names)):
            raise Refused("INVALID_PARAMETER_VALUE", f"Served entities need names of their own, not {names}")
        for entity in entities:
            if entity.get("workload_size") not in ("Small", "Medium", "Large"):
                raise Refused("INVALID_PARAMETER_VALUE", f"Workload size {entity.get('workload_size')} is not valid")
            if not self.is_registered(entity["entity_name"], entity["entity_version"]):
                message = f"Model version {entity['entity_name']} {entity['entity_version']} does not exist"
                raise Refused("RESOURCE_DOES_NOT_EXIST", message, 404)
        routes = config.get("traffic_config", {}).get("routes", [])
        if sum(route["traffic_percentage"] for route in routes) != 100:
            raise Refused("INVALID_PARAMETER_VALUE", "The traffic percentages of all routes have to sum up to 100")
        if {route["served_model_name"] for route in routes} != set(names):
            raise Refused("INVALID_PARAMETER_VALUE", "Each route names a served entity, and each entity has a route")
        return copy.deepcopy({"served_entities": entities, "traffic_config": config["traffic_config"]})

    def _settle(self, endpoint: dict[str, Any]) -> None:
        """End a change: the new configuration, or the old one where a version fails."""
        del self._pending[endpoint["name"]]
        pending = endpoint["pending_config"]
        failed = False
        for entity in pending["served_entities"]:
            is_broken = f"{entity['entity_name']}/{entity['entity_version']}" in self.broken
            said = {
                "deployment": "DEPLOYMENT_FAILED",
                "deployment_state_message": "Model server failed to load the model",
            }
            entity["state"] = said if is_broken else {"deployment": "DEPLOYMENT_READY"}
            failed |= is_broken
        endpoint["state"]["config_update"] = "UPDATE_FAILED" if failed else "NOT_UPDATING"
        if not failed:
            endpoint["config"] = pending
            endpoint["state"]["ready"] = "READY"
            del endpoint["pending_config"]

    def _told(self, endpoint: dict[str, Any]) -> dict[str, Any]:
        told = copy.deepcopy(endpoint)
        for config in (told.get("config"), told.get("pending_config")):
            # the platform repeats what it was told under its older name, too
            for route in config["traffic_config"]["routes"] if config else []:
                route["served_entity_name"] = route["served_model_name"]
        return told


ROUTES: list[tuple[str, str, Callable[[Endpoints, re.Match[str], dict[str, Any]], dict[str, Any]]]] = [
    ("GET", PREFIX, Endpoints.list),
    ("POST", PREFIX, Endpoints.create),
    ("GET", rf"{PREFIX}/([^/]+)", Endpoints.get),
    ("DELETE", rf"{PREFIX}/([^/]+)", Endpoints.remove),
    ("PUT", rf"{PREFIX}/([^/]+)/config", Endpoints.change),
    ("PUT", rf"{PREFIX}/([^/]+)/ai-gateway", Endpoints.keep_requests),
    ("PATCH", r"/api/2\.0/permissions/serving-endpoints/([^/]+)", Endpoints.permit),
]
