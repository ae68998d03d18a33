use log_core::api::LookupKey;
use log_core::policy::{Coverage, Pattern};
use log_core::testing::{
    SmallLog, genesis, policy, release, signed_policy, signed_release, signed_withdrawal,
};
use log_core::trust_policy::TrustPolicy;
use log_core::verdict::check_answer;
use proptest::prelude::*;

use super::super::requirements::parse;
use super::*;

/// A log with nova 1.0, and nova 1.1 whose sdist was taken back; it covers nova only.
fn facts() -> Facts {
    let mut only_nova = policy();
    only_nova.projects = vec![Coverage::all(Pattern::parse("nova").expect("a pattern"))];
    let log = SmallLog::with(&[
        signed_policy(only_nova, &["root1", "root2"]),
        signed_release("nova", "1.0", "a", "team"),
        signed_release("nova", "1.1", "a", "team"),
        signed_withdrawal("nova", "1.1", "a", "team"),
    ]);
    let release = |version: &str| LookupKey::Release {
        project: ProjectName::parse("nova").expect("a name"),
        version: Version::parse(version).expect("a version"),
        from: 0,
    };
    let keys = [release("1.0"), release("1.1"), release("9.9")];
    let answer = log.answer(&keys);
    let trust =
        TrustPolicy::parse(&format!("log {}\nquorum none\n", genesis().log.to_vkey())).expect("a policy");
    let checkpoint = trust.open(answer.checkpoint.as_bytes()).expect("a checkpoint");
    check_answer(&genesis(), &checkpoint, &keys, &answer).expect("an honest answer")
}

fn line(text: &str) -> Line {
    parse(text.as_bytes()).expect(text).remove(0)
}

fn requirement(text: &str) -> Requirement {
    match line(text).content {
        Content::Requirement(requirement) => requirement,
        other => panic!("{other:?}"),
    }
}

fn hashes(version: &str, files: &[usize]) -> Vec<Hash> {
    let mut hashes: Vec<Hash> =
        files.iter().map(|at| release("nova", version, "a").files[*at].sha256).collect();
    hashes.sort_unstable();
    hashes
}

#[test]
fn what_becomes_of_requirements() {
    let facts = facts();
    let pin = |text: &str| pin(&requirement(text), Some(&facts));
    assert_eq!(pin("nova===1.0"), Pinned::Hashed { hashes: hashes("1.0", &[0, 1]), left_out: vec![] });
    let Pinned::Hashed { hashes: found, left_out } = pin("nova==1.1") else { panic!("the wheel is left") };
    assert_eq!((found, left_out[0].0.as_str()), (hashes("1.1", &[1]), "nova-1.1.tar.gz"));
    assert_eq!(pin("nova===9.9"), Pinned::Refused(Refused::NotLogged));
    assert_eq!(pin("nova>=1"), Pinned::Refused(Refused::NotPinned));
    assert_eq!(pin("nova @ https://f.example/nova-1.0.tar.gz"), Pinned::Refused(Refused::NotFromIndex));
    assert_eq!(pin("requests===1.0"), Pinned::Untouched);
    let bad = format!("nova===1.0 --hash=sha256:{}", "0".repeat(64));
    assert!(matches!(pin(&bad), Pinned::Refused(Refused::OtherHash(_))));
    assert!(matches!(pin("nova===1.0 --hash=sha512:00"), Pinned::Refused(Refused::OtherHash(_))));
}

#[test]
fn constraints_say_versions() {
    let constraints = |texts: &[&str]| {
        let all = texts.iter().map(|text| requirement(text)).collect();
        BTreeMap::from([(ProjectName::parse("nova").expect("a name"), all)])
    };
    let chosen = |text: &str, all: &[&str]| -> Result<Vec<String>, String> {
        let choices = choose(&line(text), &constraints(all))?;
        Ok(choices.iter().map(|choice| write(&choice.requirement, &[], None)).collect())
    };
    let two = ["nova===1.0;python_version=='3.9'", "nova===1.1;python_version>'3.9'"];
    assert_eq!(chosen("nova[api]>=1", &["nova===1.0"]), Ok(vec!["nova[api]===1.0".to_owned()]));
    assert_eq!(
        chosen("nova ; os_name=='posix'", &two).expect("two"),
        [
            "nova===1.0 ; (os_name=='posix') and (python_version=='3.9')",
            "nova===1.1 ; (os_name=='posix') and (python_version>'3.9')"
        ]
    );
    assert!(chosen("nova>=2", &["nova===1.0"]).expect_err("another").contains("nova 1.0 of the constraints"));
    assert_eq!(chosen("nova==1.1", &["nova===1.0"]), Ok(vec!["nova==1.1".to_owned()]));
    assert_eq!(chosen("glance", &["nova===1.0"]), Ok(vec!["glance".to_owned()]));
    assert_eq!(chosen("# nova", &["nova===1.0"]), Ok(vec![]));
}

proptest! {
    /// What was written is read again as the same requirement with these hashes, and is not
    /// changed when it is written once more.
    #[test]
    fn writing_twice_changes_nothing(
        extras in "(\\[api(,db)?\\])?", marker in "( ?; python_version [<>]=? \"3\\.[0-9]\")?",
        comment in "(  # [a-z ]{1,10}[a-z])?", same in any::<bool>(),
        option in "( --config-settings=([ab=]|\"[ab#' \\t]{0,3}\"|'[ab#\"\\\\ ]{0,3}'|\\\\[ '\"#]){1,4})?"
    ) {
        let operator = if same { "===" } else { "==" };
        let text = format!("nova{extras}{operator}1.0{marker}{option}{comment}");
        let facts = facts();
        // A `#` behind white space is a comment's even within quotation marks, which are
        // then not closed.
        let Ok(lines) = parse(text.as_bytes()) else { return Ok(()) };
        let mut written = lines.into_iter().next().expect("a line");
        for _ in 0..2 {
            let Content::Requirement(requirement) = &written.content else { panic!("{written:?}") };
            let Pinned::Hashed { hashes, .. } = pin(requirement, Some(&facts)) else { panic!("{text}") };
            let again = line(&write(requirement, &hashes, written.comment.0.as_deref()));
            prop_assert_eq!(again.wanted().expect("it").permits.len(), 2);
            prop_assert_eq!(&again.comment, &written.comment);
            let Content::Requirement(found) = &again.content else { panic!("{again:?}") };
            prop_assert_eq!((&found.name, &found.specifier), (&requirement.name, &requirement.specifier));
            prop_assert_eq!((&found.marker, &found.options), (&requirement.marker, &requirement.options));
            if written.raw.contains("--hash") {
                prop_assert_eq!(&again.raw, &written.raw);
            }
            written = again;
        }
    }
}
