"""The web application, for `waitress-serve wsgi:app`."""

from chromi import create_app, logs

logs.set_up()
app = create_app()
