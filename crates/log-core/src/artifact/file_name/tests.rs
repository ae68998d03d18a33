use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::artifact::vectors;

#[derive(Deserialize)]
struct WheelCase {
    file: String,
    wheel: Option<Wheel>,
}

#[derive(Deserialize)]
struct Wheel {
    project: String,
    version: String,
    build: Option<u64>,
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct SdistCase {
    file: String,
    sdist: Option<(ProjectName, String)>,
}

#[derive(Deserialize)]
struct SplitCase {
    file: String,
    candidates: Vec<(ProjectName, String)>,
}

#[test]
fn reads_wheels_like_packaging() {
    for case in vectors::list::<WheelCase>("wheels") {
        let file = file(&case.file);
        let Some(expected) = case.wheel else {
            assert!(WheelName::parse(&file).is_err(), "{file}");
            continue;
        };
        let wheel = WheelName::parse(&file).unwrap();
        assert!(file.as_str().starts_with(&wheel.distribution), "{file}");
        assert_eq!(wheel.project.as_str(), expected.project, "{file}");
        assert_eq!(wheel.version.as_str(), expected.version, "{file}");
        let build = wheel.build.as_ref().map(|tag| {
            let end = tag.find(|c| !is_digit(c)).unwrap_or(tag.len());
            tag[..end].parse().unwrap()
        });
        assert_eq!(build, expected.build, "{file}");
        assert_eq!(expanded_tags(&wheel), expected.tags, "{file}");
        assert_eq!(version_of(&file, &wheel.project), Ok(wheel.version), "{file}");
    }
}

/// Every combination of the three tag sets, as `packaging` lists them.
fn expanded_tags(wheel: &WheelName) -> Vec<String> {
    let mut tags = Vec::new();
    for python in wheel.python.split('.') {
        for abi in wheel.abi.split('.') {
            for platform in wheel.platform.split('.') {
                tags.push(format!("{python}-{abi}-{platform}").to_lowercase());
            }
        }
    }
    tags.sort();
    tags
}

#[test]
fn differs_from_packaging_on_purpose() {
    let wheel = |text| WheelName::parse(&file(text));
    let lenient = wheel("Foo__.Bar-1.0-py3-none-any.whl").unwrap();
    assert_eq!(lenient.distribution, "Foo__.Bar");
    assert_eq!(lenient.project.as_str(), "foo-bar");
    for text in [
        "_foo-1.0-py3-none-any.whl",
        "foo_-1.0-py3-none-any.whl",
        "foo-1.0-1+x-py3-none-any.whl",
        "foo-1.0-1!-py3-none-any.whl",
        "foo-1.0-py3-no~ne-any.whl",
        "foo-1.0-py3-none-any+x.whl",
        "foo-18446744073709551616-py3-none-any.whl",
    ] {
        assert!(wheel(text).is_err(), "{text}");
    }
}

#[test]
fn refuses_variant_labels() {
    let message = |text| WheelName::parse(&file(text)).unwrap_err().to_string();
    assert_eq!(
        message("foo-1.0-1-py3-none-any-x86_64_v3.whl"),
        "file name \"foo-1.0-1-py3-none-any-x86_64_v3.whl\" is not that of a wheel, \
         expected 5 or 6 parts separated by `-`"
    );
    assert!(message("foo-1.0-py3-none-any-x86_64_v3.whl").contains("expected a build tag"));
}

#[test]
fn reads_sdists_like_packaging() {
    for case in vectors::list::<SdistCase>("sdists") {
        let file = file(&case.file);
        let expected: Vec<_> = case.sdist.into_iter().collect();
        assert_eq!(spelled(candidates(&file)), expected, "{file}");
    }
}

#[test]
fn splits_names_by_the_project() {
    for case in vectors::list::<SplitCase>("splits") {
        let file = file(&case.file);
        let found = candidates(&file);
        for (project, version) in &found {
            assert_eq!(version_of(&file, project).as_ref(), Ok(version), "{file} of {project}");
        }
        assert_eq!(spelled(found), case.candidates, "{file}");
        let project = ProjectName::parse("another").unwrap();
        assert!(version_of(&file, &project).is_err(), "{file}");
    }
}

#[test]
fn says_why_it_is_no_version_of_the_project() {
    let project = ProjectName::parse("foo").unwrap();
    let message = |text| version_of(&file(text), &project).unwrap_err().to_string();
    assert_eq!(
        message("foo-bar-1.0.tar.gz"),
        "file name \"foo-bar-1.0.tar.gz\" names no version of project foo, expected `foo-<version>`"
    );
    assert!(message("bar-1.0-py3-none-any.whl").contains("names no version of project foo"));
    assert!(message("foo-1.0-any.whl").contains("is not that of a wheel"));
    assert!(message("foo-1.0.txt").contains("has an unknown extension"));
}

#[test]
fn accepts_safe_file_names_only() {
    let longest = "x".repeat(MAX_FILE_NAME_BYTES);
    for text in ["x", "a..b", "foo-1.0.tar.gz", "a!b+c~d%20", "%2f", longest.as_str()] {
        assert_eq!(file(text).as_str(), text);
    }
    for text in [".", "..", ".foo", "-foo", "a/b", "/a", "a\\b", "a b", "a\n", "\t", "a\0", "a\x7f", "é"] {
        let error = FileName::parse(text).unwrap_err();
        assert!(matches!(error, FileNameError::Character { .. }), "{text:?}: {error}");
    }
    assert_eq!(
        FileName::parse("a\\b").unwrap_err().to_string(),
        r#"file name "a\\b" is not valid, expected printable ASCII without spaces, "#.to_owned()
            + r"`/` or `\`, not starting with `.` or `-`"
    );
    for len in [0, MAX_FILE_NAME_BYTES + 1] {
        let error = FileName::parse(&"x".repeat(len)).unwrap_err();
        assert!(matches!(error, FileNameError::Length { len: found, .. } if found == len));
    }
}

#[test]
fn tells_kinds_apart() {
    let kind = |text| file(text).kind().map(ArtifactKind::as_str);
    for (text, expected) in [
        ("foo-1.0-py3-none-any.whl", Some("wheel")),
        ("foo-1.0-py3-none-any.whl.metadata", None),
        ("foo-1.0.tar.gz", Some("sdist")),
        ("foo-1.0.tar.Z", Some("sdist")),
        ("foo-1.0.tar.z", None),
        ("foo-1.0.tar", Some("sdist")),
        ("foo-1.0.exe", Some("legacy")),
        ("foo-1.0.tar.gz.asc", None),
        ("whl", None),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
}

#[test]
fn pairs_metadata_with_its_wheel() {
    let metadata = file("foo-1.0-py3-none-any.whl.metadata");
    assert!(metadata.is_metadata());
    assert_eq!(metadata.metadata_of(), Some(file("foo-1.0-py3-none-any.whl")));
    for text in ["foo-1.0-py3-none-any.whl", "foo-1.0.tar.gz.metadata", "foo.metadata"] {
        assert!(!file(text).is_metadata(), "{text}");
        assert_eq!(file(text).metadata_of(), None, "{text}");
    }
}

fn file(text: &str) -> FileName {
    FileName::parse(text).unwrap()
}

fn spelled(found: Vec<(ProjectName, Version)>) -> Vec<(ProjectName, String)> {
    let spell = |(project, version): (ProjectName, Version)| (project, version.to_string());
    found.into_iter().map(spell).collect()
}

proptest! {
    #[test]
    fn finds_the_version_of_a_composed_sdist(
        name in "[a-zA-Z0-9]([a-zA-Z0-9._-]{0,12}[a-zA-Z0-9])?",
        version in "[0-9]{1,3}(\\.[0-9]){0,2}(-[0-9]|[._-]?(a|rc|post|dev)[._-]?[0-9]?)?",
        extension in prop::sample::select(vec![".tar.gz", ".zip", ".tgz", ".tar.bz2"]),
    ) {
        let project = ProjectName::normalise(&name).unwrap();
        let version = Version::normalise(&version).unwrap();
        let file = file(&format!("{name}-{version}{extension}"));
        prop_assert_eq!(version_of(&file, &project), Ok(version.clone()));
        prop_assert!(candidates(&file).contains(&(project, version)));
    }

    #[test]
    fn candidates_and_version_of_agree(
        stem in "[a-z0-9]([a-z0-9.+_-]{0,30}|[0-2a.-]{0,30})(-py3-none-any)?",
        extension in prop::sample::select(vec![".tar.gz", ".whl", ".whl.metadata", ".egg", ".exe"]),
    ) {
        let file = file(&format!("{stem}{extension}"));
        for (project, version) in candidates(&file) {
            prop_assert_eq!(version_of(&file, &project), Ok(version));
        }
    }

    #[test]
    fn never_panics(text in prop_oneof![any::<String>(), "[ -~]{0,260}", "(1-|1\\.|a-){100}\\.exe"]) {
        if let Ok(file) = FileName::parse(&text) {
            prop_assert_eq!(file.as_str(), &text);
            let found = candidates(&file);
            prop_assert!(found.len() <= MAX_FILE_NAME_BYTES);
        }
    }
}
