"""The first start: a form that makes a profile, or the way into the demo."""

from chronotui.ui.first_run.app import FirstRunApp, run_first_run
from chronotui.ui.profiles.form import DEMO, ProfileForm

__all__ = ["DEMO", "FirstRunApp", "ProfileForm", "run_first_run"]
