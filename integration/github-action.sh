#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What action.yml runs: annotations in the log and, when CARVEOUT_SARIF names a file, a SARIF log in it.
# CARVEOUT_BOARDS and CARVEOUT_OPTIONS are lists of words separated by spaces; patterns in them are expanded.
set -u

# shellcheck disable=SC2086 # words are wanted
carveout check ${CARVEOUT_BOARDS:-} ${CARVEOUT_OPTIONS:-} --format github
status=$?
if [ -n "${CARVEOUT_SARIF:-}" ] && [ "$status" -ne 2 ]; then
	# shellcheck disable=SC2086
	carveout check ${CARVEOUT_BOARDS:-} ${CARVEOUT_OPTIONS:-} --format sarif -o "$CARVEOUT_SARIF" 2>/dev/null
fi
exit "$status"
