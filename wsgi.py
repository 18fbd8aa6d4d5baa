"""The web application, for `waitress-serve wsgi:app`."""

from chromi import create_app

app = create_app()
