//! The C2SP tlog-policy of a log, from keys on the command line. Pure.

use std::fmt::Write as _;

use log_core::key::{KeyType, VerifierKey};

/// A policy with one log, and the witnesses of which `quorum` must cosign; all of them
/// where it is not said.
pub(super) fn policy_text(
    log: &VerifierKey,
    witnesses: &[VerifierKey],
    quorum: Option<usize>,
) -> Result<String, String> {
    let mut text = format!("log {}\n", log.to_vkey());
    if witnesses.is_empty() {
        return Ok(text + "quorum none\n");
    }
    if let Some(other) = witnesses.iter().find(|key| key.key_type() != KeyType::CosignatureV1) {
        return Err(format!(
            "--witness: {} is no witness's key: it does not sign with the time",
            other.keyid()
        ));
    }
    let quorum = quorum.unwrap_or(witnesses.len());
    if !(1..=witnesses.len()).contains(&quorum) {
        return Err(format!("--quorum: expected 1 to {}, the number of witnesses", witnesses.len()));
    }
    let names: Vec<String> = (1..=witnesses.len()).map(|number| format!("w{number}")).collect();
    for (name, key) in names.iter().zip(witnesses) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "witness {name} {}", key.to_vkey());
    }
    let _ = writeln!(text, "group witnesses {quorum} {}\nquorum witnesses", names.join(" "));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use log_core::key::{KeyName, SignerKey};
    use log_core::trust_policy::TrustPolicy;

    use super::*;

    #[test]
    fn the_text_is_a_policy_with_what_was_said() {
        let key = |number: u8| {
            SignerKey::from_seed(KeyName::parse(&format!("k{number}")).expect("a name"), &[number; 32])
        };
        let log = key(0);
        let witnesses: Vec<VerifierKey> = (1..=3).map(|number| key(number).cosigner()).collect();
        for (count, quorum, group) in [(1, None, "1 w1"), (3, None, "3 w1 w2 w3"), (3, Some(2), "2 w1 w2 w3")]
        {
            let text = policy_text(log.public(), &witnesses[..count], quorum).expect("a text");
            let policy = TrustPolicy::parse(&text).expect(&text);
            assert_eq!((policy.witnesses().count(), policy.has_no_quorum()), (count, false));
            assert!(text.contains(&format!("group witnesses {group}\n")), "{text}");
        }
        let none = policy_text(log.public(), &[], None).expect("a text");
        assert!(TrustPolicy::parse(&none).expect("a policy").has_no_quorum());
        for (witnesses, quorum, says) in [
            (witnesses.clone(), Some(4), "expected 1 to 3"),
            (witnesses, Some(0), "expected 1 to 3"),
            (vec![key(1).public().clone()], None, "no witness's key"),
        ] {
            assert!(policy_text(log.public(), &witnesses, quorum).expect_err(says).contains(says));
        }
    }
}
