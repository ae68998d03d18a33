//! The sample is complete and shows the defaults; errors name the line and the cure.

use std::fs;

use super::*;

const SAMPLE: &str = include_str!("../../../../docs/wheeltap-log.toml");

/// The sample with every setting in force. Settings follow their `#` at once, prose
/// follows a space.
fn uncommented() -> String {
    let setting = |line: &'static str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => rest,
        _ => line,
    };
    SAMPLE.lines().map(setting).collect::<Vec<_>>().join("\n")
}

fn parse(text: &str) -> anyhow::Result<Config> {
    Config::parse(text, Path::new("wheeltap-log.toml"))
}

#[test]
fn the_sample_shows_every_field_with_its_default() {
    let mut sample = parse(&uncommented()).expect("a configuration");
    // What has no default is an example there. `null` would be a field that is missing.
    let shown = serde_json::to_value(&sample).expect("JSON");
    assert!(!shown.to_string().contains("null"), "{shown}");
    let written: toml::Table = uncommented().parse().expect("TOML");
    let written = serde_json::to_value(written).expect("JSON");
    assert_eq!(written, shown, "a field is missing in the sample");

    sample.tls = None;
    sample.witnesses.policy = None;
    assert_eq!(sample, Config::default());
}

#[test]
fn the_sample_as_it_is_changes_nothing() {
    assert_eq!(parse(SAMPLE).expect("a configuration"), Config::default());
}

#[test]
fn what_is_printed_is_read_again() {
    for text in [uncommented(), String::new()] {
        let config = parse(&text).expect("a configuration");
        assert_eq!(parse(&config.to_text().expect("TOML")).expect("a configuration"), config);
    }
}

#[test]
fn errors_name_the_line_and_what_would_be_right() {
    for (text, says) in [
        (
            "listen = \"localhost\"",
            "wheeltap-log.toml:1: `listen = \"localhost\"`: \"localhost\" is not an IP",
        ),
        ("\n[limits]\nheader_timeout = \"15\"", ":3: `header_timeout = \"15\"`: \"15\" is not a time"),
        ("[limits]\nconnections = 0", "0 is not a number from 1 to 100000"),
        ("[limits]\nconnection = 7", "unknown field `connection`, expected one of `connections`"),
        ("[limits.reads]\nburst = 7", "missing field `per_second`"),
        ("[limits]\ntrusted_proxies = [\"lan\"]", "\"lan\" is not a network"),
        ("[tls]\nkey = \"k\"", "missing field `certificate`"),
        ("[log]\naccess = \"file\"", "expected `stderr` or `off`"),
        ("[log]\nfilter = \"a=b=c\"", "is not a filter"),
        ("[witnesses]\npolicy = \"quorum w1\"", "expected a C2SP tlog-policy"),
        ("listen = ", ":1:"),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(says), "{error}\nshould contain: {says}");
    }
}

#[test]
fn fields_that_contradict_one_another_are_refused() {
    for (text, says) in [
        ("listen = \"127.0.0.1:8471\"", "`private.listen`"),
        ("[limits]\nconnection_lifetime = \"10s\"", "`limits.connection_lifetime` is only 10s"),
    ] {
        let error = parse(text).expect("well formed").check().expect_err(text).to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn flags_go_before_the_file_and_paths_start_at_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let none = ConfigArgs::default();
    assert_eq!(none.load(directory.path()).expect("defaults"), Config::default());

    let text = "listen = \"127.0.0.1:1\"\n[tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n";
    fs::write(directory.path().join(FILE_NAME), text).expect("written");
    let flags = ConfigArgs { listen: "127.0.0.1:2".parse().ok(), ..ConfigArgs::default() };
    let config = flags.load(directory.path()).expect("a configuration");
    assert_eq!(config.listen.to_string(), "127.0.0.1:2");
    let tls = config.tls.expect("a section");
    assert_eq!(tls.certificate, directory.path().join("c.pem"));
    assert_eq!(tls.key, Path::new("/k.pem"));

    let missing = ConfigArgs { config: Some(directory.path().join("other")), ..ConfigArgs::default() };
    assert!(missing.load(directory.path()).expect_err("no file").to_string().contains("cannot read"));
}
