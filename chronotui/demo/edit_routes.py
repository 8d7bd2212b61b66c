"""Making, changing, ending and running workflows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chronotui.demo.message import Answer, json_value
from chronotui.demo.runs import WorkflowPlan
from chronotui.demo.service import RefusedError

if TYPE_CHECKING:
    from chronotui.demo.service import Call


def _key(call: Call) -> str:
    key = call.request.headers.get("idempotency-key", "")
    if not key:
        raise RefusedError(400, "missing Idempotency-Key header")
    return key


def _wish(call: Call) -> dict[str, Any]:
    """Return the body of a change.

    Raises:
        RefusedError: 400 if a value is missing, or not allowed.
    """
    try:
        body = call.request.json()
    except ValueError:
        raise RefusedError(400, "invalid request body") from None
    texts = [body.get(name) for name in ("name", "payload")]
    if not all(isinstance(text, str) and text for text in texts):
        raise RefusedError(400, "invalid name or payload")
    for name, low, high in (
        ("interval", 1, 10080),
        ("max_consecutive_job_failures_allowed", 3, 100),
    ):
        value = body.get(name)
        if not isinstance(value, int) or not low <= value <= high:
            raise RefusedError(400, f"invalid {name}")
    return body


def create_workflow(call: Call) -> Answer:
    """Answer ``POST /workflows``; the image of a new one is still being built."""
    key, wish = _key(call), _wish(call)
    kind = wish.get("kind")
    if kind not in ("CONTAINER", "HEARTBEAT"):
        raise RefusedError(400, "invalid kind")
    slug = f"made:{key}"
    known = [one for one in call.world.workflows if one.plan.slug == slug]
    plan = WorkflowPlan(
        slug=slug,
        name=wish["name"],
        text="sweep",
        interval=wish["interval"],
        history=0,
        age=0,
        kind=kind,
        payload=wish["payload"],
        retention=bool(wish.get("log_retention")) and kind == "CONTAINER",
        build_status="QUEUED",
        created_days=0,
    )
    workflow = known[0] if known else call.world.add_workflow(plan)
    return json_value({"id": workflow.id}, status=201)


def update_workflow(call: Call) -> Answer:
    """Answer ``PUT /workflows/{id}``."""
    workflow, _, wish = call.workflow(), _key(call), _wish(call)
    workflow.plan = replace(workflow.plan, name=wish["name"], payload=wish["payload"])
    workflow.generation += 1
    return Answer(204)


def terminate_workflow(call: Call) -> Answer:
    """Answer ``PATCH /workflows/{id}``."""
    workflow = call.workflow()
    if workflow.terminated_ns is not None:
        raise RefusedError(412, "workflow is already terminated")
    workflow.terminated_ns = call.now_ns
    return Answer(204)


def delete_workflow(call: Call) -> Answer:
    """Answer ``DELETE /workflows/{id}``."""
    workflow = call.workflow()
    if workflow.terminated_ns is None:
        raise RefusedError(412, "workflow is not terminated")
    call.world.remove_workflow(workflow.id)
    return Answer(204)


def schedule_job(call: Call) -> Answer:
    """Answer ``POST /workflows/{id}/jobs/schedule``."""
    workflow, key = call.workflow(), _key(call)
    if workflow.terminated_ns is not None:
        raise RefusedError(412, "workflow is terminated")
    if workflow.plan.build_status != "COMPLETED":
        raise RefusedError(412, "workflow has not been built")
    return json_value({"id": call.world.schedule(workflow, key)}, status=201)
