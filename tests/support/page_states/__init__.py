"""Every page of Chromi in every state, each produced in a moment by database rows.

PAGE_STATES has them by name. Each is a function that opens a page in that state and waits for it.
"""

from tests.support.page_states import admin, errors, job, result, start, studio
from tests.support.page_states.registry import PAGE_STATES, PageState

__all__ = ["PAGE_STATES", "PageState", "admin", "errors", "job", "result", "start", "studio"]
