"""The web application, for `waitress-serve wsgi:app`."""

from waitress.adjustments import Adjustments

from chromi import create_app, log, storage
from chromi.hardening import protect_memory

storage.make_files_private()
protect_memory()
log.configure()
# chromi/web/proxy.py decides whom to believe: by default waitress would remove the headers before that.
Adjustments.clear_untrusted_proxy_headers = False
app = create_app()
