"""Which handler answers what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.demo import account_routes, catalog_routes, edit_routes
from chronotui.demo.live_route import stream_events
from chronotui.demo.log_routes import list_logs
from chronotui.demo.raw_route import download
from chronotui.demo.search_route import search_logs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chronotui.demo.service import Handler

HANDLERS: Final[Mapping[tuple[str, str], Handler]] = {
    ("POST", "login"): account_routes.login,
    ("POST", "register"): account_routes.register,
    ("POST", "validate"): account_routes.validate,
    ("POST", "logout"): account_routes.logout,
    ("GET", "users"): account_routes.get_user,
    ("PUT", "users"): account_routes.change_user,
    ("GET", "notifications"): account_routes.list_notifications,
    ("PUT", "notifications"): account_routes.mark_notifications,
    ("GET", "analytics"): account_routes.user_totals,
    ("GET", "workflow_analytics"): account_routes.workflow_totals,
    ("GET", "workflows"): catalog_routes.list_workflows,
    ("GET", "workflow"): catalog_routes.get_workflow,
    ("POST", "workflows"): edit_routes.create_workflow,
    ("PUT", "workflow"): edit_routes.update_workflow,
    ("PATCH", "workflow"): edit_routes.terminate_workflow,
    ("DELETE", "workflow"): edit_routes.delete_workflow,
    ("GET", "jobs"): catalog_routes.list_jobs,
    ("GET", "job"): catalog_routes.get_job,
    ("POST", "schedule"): edit_routes.schedule_job,
    ("GET", "logs"): list_logs,
    ("GET", "search"): search_logs,
    ("GET", "raw"): download,
    ("GET", "events"): stream_events,
}
