"""The web application, for `waitress-serve wsgi:app`."""

from waitress.adjustments import Adjustments

from chromi import create_app, logs, storage
from chromi.hardening import protect_memory

storage.make_files_private()
protect_memory()
logs.set_up()
# chromi/web/proxy.py decides whom to believe: by default waitress would remove the headers before that.
Adjustments.clear_untrusted_proxy_headers = False
app = create_app()
