#!/bin/sh
# Writes a root file system for docker/Dockerfile's BASE_IMAGE to a tar file,
# from Debian packages and the Node that runs the harness. For machines where no
# image registry can be reached:
#
#   docker/base-root.sh root.tar "$(command -v node)" && docker import root.tar my-base
#   BASE_IMAGE: --build-arg BASE_IMAGE=my-base
#
# Needs: mmdebstrap; root, or a kernel that lets users make namespaces.
set -eu

tar_file=${1:?usage: base-root.sh TAR_FILE NODE_BINARY}
node_binary=${2:?usage: base-root.sh TAR_FILE NODE_BINARY}

command -v mmdebstrap >/dev/null || {
  echo 'mmdebstrap is not installed (apt-get install mmdebstrap)' >&2
  exit 127
}

# Manuals and translations are half of what a minimal Debian unpacks.
NODE_BINARY=$node_binary exec mmdebstrap --quiet --format=tar --variant=minbase \
  --include=ca-certificates,e2fsprogs,iproute2,iptables,libatomic1,mount,python3-minimal,tcc \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='install -D -m 755 "$NODE_BINARY" "$1/usr/local/bin/node"' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
  bookworm "$tar_file"
