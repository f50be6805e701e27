#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# For the kernel's build: runs dt-validate and then carveout on the same board, with the options that kbuild gives.
#   make dtbs_check DT_CHECKER=/path/to/dt-check.sh
# CARVEOUT_OPTIONS: further options of carveout, for example "--page-size 4K --page-size 16K".
set -u

status=0
if command -v dt-validate >/dev/null 2>&1; then
	dt-validate "$@" || status=$?
fi
# shellcheck disable=SC2086 # words are wanted
carveout dt-check "$@" ${CARVEOUT_OPTIONS:-} || status=$?
exit "$status"
