"""A Flask test client that handles response bodies as a server does."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


class BufferedClient(FlaskClient):
    """Reads each response to its end and closes it, unless a test passes `buffered=False`."""

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=buffered, **kwargs)
