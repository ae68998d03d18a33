use log_core::hash::digest;

use super::*;
use crate::findings::FindingKind;

fn report() -> Report {
    let project = |name: &str| ProjectName::parse(name).expect("a name");
    let version = |text: &str| Version::parse(text).expect("a version");
    let hash = |text: &str| digest(&[text.as_bytes()]);
    let findings = vec![
        Finding {
            id: "0123".into(),
            kind: FindingKind::ExtraRelease,
            project: project("nova"),
            version: Some(version("1!2.0")),
            file: None,
            detail: "nothing is logged of this version".into(),
            logged: None,
            found: None,
            entry: None,
        },
        Finding {
            id: "4567".into(),
            kind: FindingKind::HashMismatch,
            project: project("nova"),
            version: Some(version("27.0.0")),
            file: Some("nova-27.0.0.tar.gz".into()),
            detail: "other bytes".into(),
            logged: Some(hash("a")),
            found: Some(hash("b")),
            entry: Some(5),
        },
        Finding {
            id: "89ab".into(),
            kind: FindingKind::ExtraFile,
            project: project("nova"),
            version: None,
            file: Some("x\\n".into()),
            detail: "bad name".into(),
            logged: None,
            found: None,
            entry: None,
        },
    ];
    let audit = |name, files_on_index, files_logged, findings| ProjectAudit {
        project: project(name),
        files_on_index,
        files_logged,
        findings,
        remarks: Vec::new(),
    };
    Report {
        log: AuditedLog { origin: "log.example".into(), size: 7, root: hash("root"), time: 1_700_000_000 },
        index: "https://pypi.org/simple/".into(),
        projects: vec![
            audit("glance", None, 1, Err("cannot reach it".into())),
            audit("nova", Some(3), 1, Ok(findings)),
        ],
    }
}

#[test]
fn json_schema_1() {
    let expected = r#"{
  "schema": 1,
  "log": {
    "origin": "log.example",
    "size": 7,
    "root": "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=",
    "log_time": 1700000000
  },
  "index": "https://pypi.org/simple/",
  "projects": [
    {
      "project": "glance",
      "files_on_index": null,
      "files_logged": 1,
      "error": "cannot reach it"
    },
    {
      "project": "nova",
      "files_on_index": 3,
      "files_logged": 1
    }
  ],
  "findings": [
    {
      "id": "0123",
      "kind": "extra-release",
      "project": "nova",
      "version": "1!2.0",
      "detail": "nothing is logged of this version"
    },
    {
      "id": "4567",
      "kind": "hash-mismatch",
      "project": "nova",
      "version": "27.0.0",
      "file": "nova-27.0.0.tar.gz",
      "detail": "other bytes",
      "logged_sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
      "found_sha256": "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
      "log_entry": 5
    },
    {
      "id": "89ab",
      "kind": "extra-file",
      "project": "nova",
      "file": "x\\n",
      "detail": "bad name"
    }
  ]
}"#;
    assert_eq!(report().to_json(), expected);
}

#[test]
fn text_is_aligned() {
    assert_eq!(
        report().to_text(),
        [
            "extra-release  nova  1!2.0   -                   nothing is logged of this version",
            "hash-mismatch  nova  27.0.0  nova-27.0.0.tar.gz  other bytes",
            "extra-file     nova  -       x\\n                 bad name",
        ]
    );
}

#[test]
fn the_summary_counts() {
    let mut report = report();
    assert_eq!(
        report.summary(),
        "audited 2 projects, 1 of them without a verdict, 3 files on the index, 2 logged, against \
         checkpoint size 7 (log time 2023-11-14T22:13:20Z): 3 findings"
    );
    report.projects.truncate(1);
    report.projects[0].findings = Ok(Vec::new());
    assert_eq!(
        report.summary(),
        "audited 1 project, 0 files on the index, 1 logged, against checkpoint size 7 (log time \
         2023-11-14T22:13:20Z): 0 findings"
    );
}
