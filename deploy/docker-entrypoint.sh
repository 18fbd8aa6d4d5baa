#!/bin/sh
# Run the image's command as the user chromi, even if the container is started as root.
set -e
# Kubernetes sets CHROMI_PORT to tcp://ADDRESS:PORT if the service is called chromi.
case "$CHROMI_PORT" in *://*) export CHROMI_PORT=8080 ;; esac
if [ "$(id -u)" = 0 ]; then
    chown chromi: /data  # a new volume may belong to root (Fly's do)
    exec setpriv --reuid=chromi --regid=chromi --clear-groups --no-new-privs --inh-caps=-all "$@"
fi
exec "$@"
