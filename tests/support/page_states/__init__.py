"""Every page of Chromi in every state, created quickly from database rows.

PAGE_STATES maps their names to functions. Each function opens a page in that state and waits for it.
"""

from tests.support.page_states import admin, errors, job, result, start, studio
from tests.support.page_states.registry import PAGE_STATES, PageState

__all__ = ["PAGE_STATES", "PageState", "admin", "errors", "job", "result", "start", "studio"]
