use super::*;
use crate::key::{KeyName, SignerKey};

fn vkey(name: &str, seed: u8) -> String {
    SignerKey::from_seed(KeyName::parse(name).expect("a name"), &[seed; 32]).public().to_vkey()
}

fn good() -> String {
    format!(
        r#"{{"version":1,"roots":{{"threshold":1,"keys":["{}"]}},"publishers":[{{"name":"team","keys":[{{"key":"{}"}}],"projects":["nova","oslo-*"]}}],"projects":[{{"pattern":"nova","from":"13.0.0","until":"30.0.0"}},{{"pattern":"oslo-*"}}]}}"#,
        vkey("root", 1),
        vkey("team", 2)
    )
}

fn project(name: &str) -> ProjectName {
    ProjectName::parse(name).expect("a name")
}

fn version(text: &str) -> Version {
    Version::parse(text).expect("a version")
}

#[test]
fn a_policy_round_trips_and_decides() {
    let policy = Policy::parse(&good()).expect("a policy");
    assert_eq!(serde_json::to_string(&policy.to_document()).expect("JSON"), good());
    let (_, team) = policy.publisher_key(&policy.publishers[0].keys[0].key.keyid()).expect("known");
    assert!(team.may_publish(&project("nova")) && team.may_publish(&project("oslo-config")));
    assert!(!team.may_publish(&project("nova-x")) && !team.may_publish(&project("oslo")));
    assert!(policy.publisher_key("nobody+00000000").is_none());
    for (of, covered) in [("12.9", false), ("13.0.0", true), ("29.9", true), ("30.0", false)] {
        assert_eq!(policy.covers(&project("nova"), Some(&version(of))), covered, "{of}");
    }
    assert!(policy.covers(&project("nova"), None) && !policy.covers(&project("glance"), None));
    assert!(policy.covers(&project("oslo-log"), Some(&version("1!0"))));
}

#[test]
fn a_key_counts_once_towards_a_threshold() {
    let key = |name: &str| VerifierKey::parse(&vkey(name, 1)).expect("a key");
    let cosigner = SignerKey::from_seed(KeyName::parse("c").expect("a name"), &[9; 32]).cosigner();
    assert!(Roots::new(2, vec![key("a"), key("a")]).is_err());
    assert!(Roots::new(2, vec![key("a"), key("b")]).is_err(), "one key under two names");
    assert!(Roots::new(1, vec![cosigner]).is_err(), "a cosigner's key signs no statements");
}

#[test]
fn bad_policies_name_the_field() {
    let good = good();
    let (root, team) = (vkey("root", 1), vkey("team", 2));
    for (bad, names) in [
        ("{}".to_owned(), "version"),
        (good.replace("\"version\":1", "\"version\":0"), "`version`"),
        (good.replace("\"version\":1", "\"version\":1,\"cool\":1"), "cool"),
        (good.replace("\"threshold\":1", "\"threshold\":0"), "roots.threshold"),
        (good.replace("\"threshold\":1", "\"threshold\":2"), "roots.threshold"),
        (good.replace(&format!("[\"{root}\"]"), "[]"), "roots.keys"),
        (good.replace(&root, "root"), "roots.keys[0]"),
        (good.replace(&root, &format!("{root}\",\"{}", vkey("other", 1))), "roots.keys[1]"),
        (good.replace(&team, "x+y+z"), "publishers[0].keys[0]"),
        (good.replace("\"team\"", "\"\""), "publishers[0].name"),
        (good.replace("oslo-*\"]", "oslo_*\"]"), "publishers[0].projects"),
        (good.replace("oslo-*\"]", "*-x\"]"), "publishers[0].projects"),
        (good.replace("\"pattern\":\"nova\"", "\"pattern\":\"Nova\""), "projects[0].pattern"),
        (good.replace("13.0.0", "v13"), "projects[0].from"),
        (good.replace("13.0.0", "30.0"), "projects[0].until"),
        (good.replace("\"13.0.0\"", "null"), "null"),
        (
            good.replace(&format!(r#"{{"threshold":1,"keys":["{root}"]}}"#), &format!(r#"[1,["{root}"]]"#)),
            "objects",
        ),
    ] {
        let error = Policy::parse(&bad).expect_err(&bad).to_string();
        assert!(error.contains(names), "{error} should name {names}");
    }
}

#[test]
fn a_pattern_includes_another() {
    let pattern = |text: &str| Pattern::parse(text).expect("a pattern");
    for (a, b, includes) in [
        ("*", "nova", true),
        ("*", "*", true),
        ("oslo-*", "oslo-log", true),
        ("oslo-*", "oslo-l*", true),
        ("oslo-l*", "oslo-*", false),
        ("oslo-*", "oslo", false),
        ("nova", "nova", true),
        ("nova", "nova*", false),
        ("nova", "novaclient", false),
        ("nova*", "neutron*", false),
    ] {
        assert_eq!(pattern(a).includes(&pattern(b)), includes, "{a} includes {b}");
    }
}
