//! libFuzzer's way to the targets: the one that `WHEELTAP_FUZZ_TARGET` names.

#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("WHEELTAP_FUZZ_TARGET").expect("WHEELTAP_FUZZ_TARGET names a target");
    wheeltap_fuzz::target(&name).unwrap_or_else(|| panic!("there is no target {name:?}"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
