//! Asking the person at the terminal.
//!
//! Invariant: silence, an end of input and anything but `yes` are a no.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::outcome::Failure;

/// Longest answer that is read.
const MAX_ANSWER_BYTES: u64 = 100;

/// Asks whether to go on. Where nobody can be asked, `--yes` is needed.
pub fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::usage(format!("there is no terminal to ask on: {question}"))
            .hint("check what is shown above, and give --yes"));
    }
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{question} Type `yes` to go on: ");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = io::Read::take(stdin.lock(), MAX_ANSWER_BYTES).read_line(&mut answer);
    match read {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(Failure::new("nothing was done").hint("only the whole word `yes` is a yes")),
    }
}
