#!/bin/sh
# Run the image's command as the user chromi, whoever starts the container.
set -e
# Kubernetes overwrites the port with tcp://ADDRESS:PORT if the service is called chromi.
case "$CHROMI_PORT" in *://*) export CHROMI_PORT=8080 ;; esac
if [ "$(id -u)" = 0 ]; then
    chown chromi: /data  # a volume may come owned by root (Fly's do)
    exec setpriv --reuid=chromi --regid=chromi --clear-groups --no-new-privs --inh-caps=-all "$@"
fi
exec "$@"
