"""The web application, for `waitress-serve wsgi:app`."""

from chromi import create_app, logs
from chromi.hardening import protect_memory

logs.set_up()
protect_memory()
app = create_app()
