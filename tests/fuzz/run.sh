#!/usr/bin/env bash
# Fuzzes every target, or those named, for some seconds each:
#
#   tests/fuzz/run.sh 600
#   tests/fuzz/run.sh 600 envelope statement
#
# Without arguments it makes the same 20,000 runs of every target each time, from the seeds
# alone: a check of the targets that fails for everybody or for nobody.
#
# It needs cargo-fuzz and a C++ compiler, and no nightly toolchain: without a sanitizer
# the stable one will do, since there is no unsafe code here to be watched. An input that
# breaks a promise is left in tests/fuzz/artifacts/<target>/; when the bug is mended it
# belongs into tests/fuzz/regressions/<target>/.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-}
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(ls seeds)
fi

version=0.13.1
cargo fuzz --version 2>/dev/null | grep -qx "cargo-fuzz $version" ||
    cargo install --quiet --locked "cargo-fuzz@$version"
cargo fuzz build --fuzz-dir . --sanitizer none parsers
host=$(rustc -vV | sed -n 's/^host: //p')
parsers=${CARGO_TARGET_DIR:-target}/$host/release/parsers

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
for target in "${targets[@]}"; do
    mkdir -p "artifacts/$target"
    if [ -n "$seconds" ]; then
        # What is found is kept between runs, beside the seeds.
        corpus=corpus/$target
        limit=("-max_total_time=$seconds")
    else
        corpus=$fresh/$target
        limit=(-seed=1 -runs=20000)
    fi
    mkdir -p "$corpus"
    old=()
    [ -d "regressions/$target" ] && old=("regressions/$target")
    echo "-- $target"
    WHEELTAP_FUZZ_TARGET=$target "$parsers" "${limit[@]}" \
        -timeout=10 -rss_limit_mb=512 -max_len=20000 -len_control=20 \
        -dict=dictionary.txt -print_final_stats=0 -verbosity=0 \
        -artifact_prefix="artifacts/$target/" \
        "$corpus" "seeds/$target" "${old[@]}"
done
