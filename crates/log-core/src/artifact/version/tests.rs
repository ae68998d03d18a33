use std::hash::BuildHasher;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::artifact::vectors;

#[derive(Deserialize)]
struct Case {
    raw: String,
    normalised: Option<String>,
    canonical: Option<String>,
}

#[test]
fn agrees_with_packaging() {
    for case in vectors::list::<Case>("versions") {
        let version = Version::normalise(&case.raw).ok();
        let normalised = version.as_ref().map(Version::as_str);
        assert_eq!(normalised, case.normalised.as_deref(), "{:?}", case.raw);
        let canonical = version.as_ref().map(Version::canonical);
        assert_eq!(canonical, case.canonical, "{:?}", case.raw);
        let exact = Version::parse(&case.raw).is_ok();
        assert_eq!(exact, normalised == Some(&case.raw), "{:?}", case.raw);
    }
}

#[test]
fn orders_like_packaging() {
    let ranks: Vec<Vec<String>> = vectors::list("order");
    let ranked: Vec<(usize, Version)> = ranks
        .iter()
        .enumerate()
        .flat_map(|(rank, texts)| texts.iter().map(move |text| (rank, version(text))))
        .collect();
    for (left_rank, left) in &ranked {
        for (right_rank, right) in &ranked {
            assert_eq!(left.cmp(right), left_rank.cmp(right_rank), "{left} and {right}");
            assert_agree(left, right);
        }
    }
}

#[test]
fn refuses_what_pep440_rs_gets_wrong() {
    for text in [
        "18446744073709551616",
        "1.18446744073709551616",
        "18446744073709551616!1",
        "1a18446744073709551616",
        "1.post18446744073709551616",
        "1-18446744073709551616",
        "1.dev18446744073709551616",
        "1.dev18446744073709551615",
        "1a1.dev18446744073709551615",
        "1+18446744073709551616",
        "1+a.00000000000000000000000018446744073709551616",
    ] {
        let invalid = VersionError::Invalid { value: text.to_owned() };
        assert_eq!(Version::normalise(text).unwrap_err(), invalid, "{text}");
    }
    assert_eq!(version("1+00000000000000000000000000001").as_str(), "1+1");
}

#[test]
fn refuses_white_space_beyond_ascii() {
    for text in ["1.0\u{a0}", "\u{2003}1.0", "1.0\x1c", "1.0\u{85}"] {
        assert!(Version::normalise(text).is_err(), "{text:?}");
    }
}

#[test]
fn bounds_the_length() {
    let longest = format!("1{}", ".0".repeat(63));
    assert_eq!(version(&format!("{longest}0")).as_str(), longest);
    assert_eq!(version(&longest).canonical(), "1");
    let error = Version::normalise(&format!("{longest}.0")).unwrap_err();
    assert!(matches!(error, VersionError::TooLong { len: 129, .. }));
    // Short enough as written, too long when normalised.
    let error = Version::normalise(&format!("{longest}a")).unwrap_err();
    assert!(matches!(error, VersionError::TooLong { len: 129, .. }));
    let error = Version::normalise(&"é".repeat(100_000)).unwrap_err();
    assert!(error.to_string().len() < 1000, "{error}");
}

#[test]
fn tells_its_parts() {
    let parts = |text: &str| {
        let v = version(text);
        (v.epoch(), v.is_pre(), v.is_post(), v.is_dev(), v.is_local())
    };
    assert_eq!(parts("1.0"), (0, false, false, false, false));
    assert_eq!(parts("3!1.0rc1"), (3, true, false, false, false));
    assert_eq!(parts("1.0.post0"), (0, false, true, false, false));
    assert_eq!(parts("1.0.dev0"), (0, false, false, true, false));
    assert_eq!(parts("1.0b0.post0.dev0+0"), (0, true, true, true, true));
}

#[test]
fn is_a_string_in_json() {
    let version: Version = serde_json::from_str(r#""1.0.post1""#).unwrap();
    assert_eq!(serde_json::to_string(&version).unwrap(), r#""1.0.post1""#);
    let error = serde_json::from_str::<Version>(r#""1.0-1""#).unwrap_err();
    let expected = r#"version "1.0-1" is not normalised, expected "1.0.post1""#;
    assert!(error.to_string().starts_with(expected), "{error}");
}

fn version(text: &str) -> Version {
    Version::normalise(text).unwrap()
}

/// Equality, order, hash and canonical spelling say the same.
fn assert_agree(left: &Version, right: &Version) {
    let equal = left == right;
    assert_eq!(left.cmp(right).is_eq(), equal, "{left} and {right}");
    assert_eq!(left.canonical() == right.canonical(), equal, "{left} and {right}");
    if equal {
        let state = std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default();
        assert_eq!(state.hash_one(left), state.hash_one(right), "{left} and {right}");
    }
}

/// A valid version, in any spelling.
fn spelling() -> impl Strategy<Value = String> {
    "v?([0-2]!)?[0-9]{1,6}(\\.[0-3]){0,5}([._-]?(a|BETA|c|rc|preview)[._-]?[0-9]{0,3})?\
     (-[0-9]|[._-]?(post|REV|r)[._-]?[0-9]{0,2})?([._-]?dev[._-]?[0-9]{0,8})?\
     (\\+[a-zA-Z0-9]{1,4}([._-][a-zA-Z0-9]{1,4}){0,2})?"
}

proptest! {
    #[test]
    fn normalising_is_idempotent(raw in spelling()) {
        let version = version(&raw);
        for text in [version.as_str(), &version.canonical()] {
            let again = Version::parse(text).unwrap();
            prop_assert_eq!(again.as_str(), text);
            prop_assert_eq!(&again, &version);
            prop_assert_eq!(again.canonical(), version.canonical());
        }
    }

    #[test]
    fn order_is_total(raw in prop::array::uniform3(spelling())) {
        let [a, b, c] = raw.each_ref().map(|raw| version(raw));
        assert_agree(&a, &b);
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }

    #[test]
    fn never_panics(raw in prop_oneof![any::<String>(), "[0-9v!.+_ abcdeoprstv-]{0,140}"]) {
        if let Ok(version) = Version::normalise(&raw) {
            prop_assert_eq!(Version::parse(version.as_str()), Ok(version));
        }
    }
}
