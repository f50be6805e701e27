#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# For Buildroot: BR2_ROOTFS_POST_IMAGE_SCRIPT="path/to/buildroot-post-image.sh"
# Buildroot calls it with the folder of images and sets BINARIES_DIR. The build stops when a board has an error.
# BR2_ROOTFS_POST_SCRIPT_ARGS is for options of `carveout check`, for example "--kernel 6.12 --werror".
set -eu

images=${1:-${BINARIES_DIR:?}}
[ "$#" -eq 0 ] || shift
found=$(find "$images" -name '*.dtb' | head -n 1)
if [ -z "$found" ]; then
	echo "carveout: no device tree in $images, nothing to check"
	exit 0
fi
exec carveout check "$images" "$@"
