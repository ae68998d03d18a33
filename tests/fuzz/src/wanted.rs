//! What somebody's files want installed, and the saved answers with which that is judged.

use log_core::artifact::ProjectName;
use log_core::trust_policy::TrustPolicy;
use log_core::verdict::{Distrust, Trust};

use super::world::{WORLD, trust_policy};

// Included as files, as those of `stored` are: their crate brings servers and TLS.
#[allow(dead_code, unreachable_pub, reason = "files of another crate")]
#[path = "../../../crates/log-client/src/locks/mod.rs"]
mod locks;
#[allow(dead_code, unreachable_pub, reason = "a file of another crate")]
#[path = "../../../crates/log-client/src/proofs.rs"]
mod proofs;

use locks::conclude::{Conclusion, conclude, subjects};
use locks::requirements::{Content, parse};
use locks::{Digest, LockKind, Wanted, pin};
use proofs::{Exchange, LogProofs, Proofs};

/// Requirements files.
pub fn requirements(bytes: &[u8]) {
    let Ok(lines) = parse(bytes) else { return };
    let text = str::from_utf8(bytes).expect("it was read");
    let raw: Vec<&str> = lines.iter().flat_map(|line| line.raw.split('\n')).collect();
    let text: Vec<&str> = text.strip_prefix('\u{feff}').unwrap_or(text).lines().collect();
    assert_eq!(raw, text, "every line is in one logical line");
    for line in &lines {
        let Some(wanted) = line.wanted() else { continue };
        nobody_forges(&wanted);
        let Content::Requirement(requirement) = &line.content else { continue };
        if let pin::Pinned::Hashed { hashes, .. } = pin::pin(requirement, Some(&WORLD.all)) {
            let written = pin::write(requirement, &hashes, line.comment.0.as_deref());
            let again = parse(written.as_bytes()).expect("what was written is a requirement");
            let again: Vec<Wanted> = again.iter().filter_map(locks::requirements::Line::wanted).collect();
            assert_eq!(again.len(), 1, "{written}");
            assert_eq!(
                (&again[0].project, &again[0].version),
                (&wanted.project, &wanted.version),
                "{written}"
            );
            let verdict = conclude(&again[0], Some(&WORLD.all));
            assert!(matches!(verdict, Conclusion::Verified { .. }), "{written}: {verdict:?}");
        }
    }
}

/// Lock files and reports of every kind, and the files that an installer has recorded.
pub fn lock(bytes: &[u8]) {
    let kinds = [
        LockKind::Uv,
        LockKind::Poetry,
        LockKind::Pdm,
        LockKind::Pylock,
        LockKind::Pipfile,
        LockKind::Report,
    ];
    for kind in kinds {
        if let Ok(wanted) = kind.parse(bytes) {
            wanted.iter().for_each(nobody_forges);
        }
    }
    if let Ok(kind) = LockKind::of("", bytes) {
        assert!(kinds.contains(&kind));
    }
    if let Ok(recorded) = locks::recorded::parse(bytes) {
        assert!(recorded.len() <= bytes.split(|byte| *byte == b'\n').count());
    }
}

/// Saved answers of the log.
pub fn saved_proofs(bytes: &[u8]) {
    let Ok(proofs) = Proofs::parse(bytes) else { return };
    let policy = TrustPolicy::parse(&trust_policy()).expect("a trust policy");
    let trust = Trust { policy, genesis: WORLD.genesis.clone(), max_age: None };
    for exchange in proofs.logs.iter().flat_map(|log| &log.exchanges) {
        match exchange.check(&trust) {
            Ok(checked) => assert!(WORLD.says(&checked.facts), "the log never said this"),
            Err(error) => {
                assert!(!matches!(error, Distrust::Misbehaviour { .. }), "an honest log is accused: {error}");
            }
        }
    }
}

/// A file with the honest answer.
pub fn honest_proofs() -> Vec<u8> {
    let mut answer = WORLD.answer.clone();
    answer.checkpoint.clone_from(&WORLD.note);
    let answer = serde_json::to_vec(&answer).expect("JSON");
    let exchange = Exchange::new(WORLD.keys.clone(), &answer).expect("JSON");
    let log = LogProofs { origin: "log.example".to_owned(), exchanges: vec![exchange] };
    Proofs::new(vec![log]).to_bytes().expect("a file")
}

/// Nothing is verified but what the log has, by the log's own hash.
fn nobody_forges(wanted: &Wanted) {
    let _ = (subjects(wanted), conclude(wanted, None), wanted.title());
    let Conclusion::Verified { project, .. } = conclude(wanted, Some(&WORLD.all)) else { return };
    let logged = |project: &ProjectName, digest: &Digest| {
        let releases = WORLD.all.releases.iter().map(|release| &release.statement);
        let mut files =
            releases.filter(|release| release.project == *project).flat_map(|release| &release.files);
        files.any(|file| Some(file.sha256) == digest.sha256())
    };
    assert!(!wanted.permits.is_empty());
    for permitted in &wanted.permits {
        assert!(!permitted.digests.is_empty());
        assert!(permitted.digests.iter().all(|digest| logged(&project, digest)), "{wanted:?}");
        // Nor by a hash in a URL, which pip is content with, nor from anything but a file.
        let Some(url) = &permitted.url else { continue };
        let in_url = locks::text::url_digests(url, &wanted.place).expect("hashes");
        assert!(in_url.iter().all(|digest| logged(&project, digest)), "{wanted:?}");
        assert!(locks::text::is_web(url) || locks::text::is_local(url), "{wanted:?}");
    }
}
