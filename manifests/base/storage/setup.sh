#!/bin/sh
# The bucket, our user and its policy. Every command may be repeated: a Job that dies half-way starts again.
set -eu

key() { cat "$KEYS/$1"; }

# Keys go in through standard input, since a command line can be read by others.
pair() { printf '%s\n%s\n' "$(key "$1")" "$(key "$2")"; }

tries=60
until pair MINIO_ROOT_USER MINIO_ROOT_PASSWORD | mc alias set store "$MINIO_URL" --api S3v4; do
  tries=$((tries - 1))
  if [ "$tries" -le 0 ]; then
    echo "MinIO at $MINIO_URL does not let us in: is it running, and does the Secret minio-root hold its keys?" >&2
    exit 1
  fi
  sleep "$WAIT_SECONDS"
done

user=$(key AWS_ACCESS_KEY_ID)
mc mb --ignore-existing "store/$BUCKET"
mc admin policy create store shallowsight /setup/policy.json
pair AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY | mc admin user add store
mc admin policy attach store shallowsight --user "$user"
echo "bucket $BUCKET is ready for the user of the Secret shallowsight-store"
