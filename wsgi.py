"""The web application, for `waitress-serve wsgi:app`."""

from waitress.adjustments import Adjustments

from chromi import create_app, log
from chromi.process_hardening import protect_memory
from chromi.storage import make_files_private

make_files_private()
protect_memory()
log.configure()
# chromi/web/http/trusted_proxy.py decides whom to trust. By default, waitress would remove the headers first.
Adjustments.clear_untrusted_proxy_headers = False
app = create_app()
