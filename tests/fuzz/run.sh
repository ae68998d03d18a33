#!/usr/bin/env bash
# Fuzzes every target for some seconds (1 without an argument), or with further
# arguments only those named:
#
#   tests/fuzz/run.sh 600 envelope statement
#
# It needs cargo-fuzz and a C++ compiler, and no nightly toolchain: without a sanitizer
# the stable one will do, since there is no unsafe code here to be watched. An input that
# breaks a promise is left in tests/fuzz/artifacts/<target>/; when the bug is mended it
# belongs into tests/fuzz/regressions/<target>/.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-1}
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

for target in "${targets[@]}"; do
    # What is found is kept between runs, beside the seeds.
    mkdir -p "corpus/$target" "artifacts/$target"
    old=()
    [ -d "regressions/$target" ] && old=("regressions/$target")
    echo "-- $target"
    WHEELTAP_FUZZ_TARGET=$target "target/$host/release/parsers" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -max_len=20000 -len_control=20 \
        -dict=dictionary.txt -print_final_stats=0 -verbosity=0 \
        -artifact_prefix="artifacts/$target/" \
        "corpus/$target" "seeds/$target" "${old[@]}"
done
