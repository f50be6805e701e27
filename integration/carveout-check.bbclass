# SPDX-License-Identifier: Apache-2.0
# For Yocto: `inherit carveout-check` in a recipe of a kernel or of device trees.
# It runs on the machine that builds: carveout has to be on PATH there (HOSTTOOLS += "carveout" in local.conf).
#
# CARVEOUT_OPTIONS: options of `carveout check`.
# CARVEOUT_STRICT: "1" stops the build on errors, otherwise they are warnings of the build.

CARVEOUT_OPTIONS ?= ""
CARVEOUT_STRICT ?= "1"

do_carveout_check() {
    log=${WORKDIR}/carveout-check.log
    status=0
    carveout check ${B} ${CARVEOUT_OPTIONS} -o "$log" || status=$?
    [ ! -e "$log" ] || cat "$log"
    if [ "$status" -ne 0 ]; then
        if [ "${CARVEOUT_STRICT}" = "1" ]; then
            bbfatal "carveout check: exit code $status, see $log"
        fi
        bbwarn "carveout check: exit code $status, see $log"
    fi
}

addtask carveout_check after do_compile before do_install
