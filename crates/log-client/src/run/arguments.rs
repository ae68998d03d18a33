//! What the arguments of pip or uv say that their environment does not: files with
//! requirements, and options that name other places. A pure function.
//!
//! Left out: commands that start an installer of their own accord, such as `make`.

use std::ffi::OsString;
use std::path::PathBuf;

/// Options that name files.
const FILES: [&str; 8] = [
    "-r",
    "--requirement",
    "--requirements",
    "-c",
    "--constraint",
    "--constraints",
    "--build-constraint",
    "--build-constraints",
];

/// Options with which an installer takes something from elsewhere.
const ELSEWHERE: [&str; 8] = [
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--index",
    "--default-index",
    // pip then takes no notice of its variables.
    "--isolated",
];

/// What the arguments say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Files with requirements or constraints.
    pub files: Vec<PathBuf>,
    /// Options that name other places, without their values, which may have passwords in them.
    pub elsewhere: Vec<&'static str>,
}

/// Reads a command; nothing of one that is no installer.
pub fn read(command: &[OsString]) -> Arguments {
    let words: Vec<&str> = command.iter().filter_map(|word| word.to_str()).collect();
    let mut found = Arguments::default();
    let Some(start) = words.iter().position(|word| is_installer(word)) else { return found };
    for (at, word) in words.iter().enumerate().skip(start + 1) {
        // A short option may have its value behind it.
        let is_option = |option: &&&str| match word.strip_prefix(**option) {
            Some(rest) => rest.is_empty() || rest.starts_with('=') || !option.starts_with("--"),
            None => false,
        };
        if word.starts_with('-') {
            if let Some(option) = FILES.iter().find(is_option) {
                let attached = word[option.len()..].trim_start_matches('=');
                let value = Some(attached).filter(|value| !value.is_empty()).or(words.get(at + 1).copied());
                found.files.extend(value.map(PathBuf::from));
            }
            found.elsewhere.extend(ELSEWHERE.iter().find(is_option));
        }
    }
    found
}

fn is_installer(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or_default();
    let version = name.strip_prefix("pip").map(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'));
    name == "uv" || version == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installers_say_files_and_places() {
        let read = |command: &str| {
            let words: Vec<OsString> = command.split(' ').map(OsString::from).collect();
            let Arguments { files, elsewhere } = read(&words);
            let files = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
            (files.join(" "), elsewhere.join(" "))
        };
        for (command, files, elsewhere) in [
            ("pip install nova", "", ""),
            ("pip install -r a/b.txt -cc.txt --requirement=d", "a/b.txt c.txt d", ""),
            ("python3 -m pip install --isolated -ihttps://u:p@h/ nova", "", "--isolated -i"),
            ("/x/bin/pip3.12 install --extra-index-url https://h nova -f /w", "", "--extra-index-url -f"),
            ("uv pip install --requirements r.txt --default-index=https://h", "r.txt", "--default-index"),
            ("uv run --isolated tool", "", "--isolated"),
            ("tox -r", "", ""),
            ("make -f pip.mk", "", ""),
            ("pip install -r", "", ""),
        ] {
            assert_eq!(read(command), (files.to_owned(), elsewhere.to_owned()), "{command}");
        }
    }
}
