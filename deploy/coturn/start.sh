#!/bin/sh
# Puts coturn's settings together where nobody else can read them, and becomes coturn: so the secret is on no command line.
#
#   TURN_SECRET_FILE  file with the secret, the same as turn.secret-file of the edge
#   TURN_REALM        such as turn.example.com
#   TURN_PEERS        addresses at which rtpengine has its media, as browsers see them: the only ones that may be reached
#   TURN_FOLDER       where the settings go; default /tmp
set -eu
umask 077
: "${TURN_REALM:?Set TURN_REALM, such as turn.example.com}"
: "${TURN_PEERS:?Set TURN_PEERS to the addresses of the media of rtpengine}"
secret=$(cat "${TURN_SECRET_FILE:-/run/secrets/turn}")
: "${secret:?The file of the secret is empty}"
folder=${TURN_FOLDER:-/tmp}
{
  cat "$(dirname "$0")/turnserver.conf"
  printf 'static-auth-secret=%s\n' "$secret"
  printf 'realm=%s\n' "$TURN_REALM"
  printf 'pidfile=%s/turnserver.pid\nuserdb=%s/turndb\n' "$folder" "$folder"
  for peer in $TURN_PEERS; do
    printf 'allowed-peer-ip=%s\n' "$peer"
  done
} > "$folder/turnserver.conf"
unset secret
exec turnserver -c "$folder/turnserver.conf" "$@"
