//! What can be found: each thing once, with its identity, which never changes, and with
//! why it matters and what to do.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Weakens what is proven, or hides what is wrong.
    Medium,
    /// Files get installed without a verdict, or none can be given.
    High,
}

impl Severity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its identity.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether `wheeltap run` sets it aside for its command.
    pub set_aside: bool,
    /// Why it goes round the proxy.
    pub why: &'static str,
    /// What to do.
    pub next_step: &'static str,
}

use Severity::{High, Low, Medium};

const fn rule(
    id: &'static str,
    severity: Severity,
    set_aside: bool,
    why: &'static str,
    next_step: &'static str,
) -> Rule {
    Rule { id, severity, set_aside, why, next_step }
}

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:expr, $set_aside:literal, $why:literal, $next:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $why, ".")]
            pub static $name: Rule = rule($id, $severity, $set_aside, $why, $next);
        )*
        /// All rules.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    PIP_INDEX = "pip-index", High, true,
        "pip takes files from an index that is not the proxy",
        "set index-url to the proxy's address (PIP_INDEX_URL, or pip.conf), or use `wheeltap run`";
    PIP_EXTRA_INDEX = "pip-extra-index", High, true,
        "pip takes the best file of all its indexes, so what the proxy refuses comes from the other one",
        "remove it, and let the proxy stand in front of that index";
    PIP_FIND_LINKS = "pip-find-links", High, true,
        "pip takes the best file of its indexes and of these places, which nobody verifies",
        "remove it; verify local files with `wheeltap verify` and install them by name";
    PIP_NO_INDEX = "pip-no-index", High, true,
        "pip never asks an index, so the proxy never sees what is installed",
        "remove it, or verify the files that are installed with `wheeltap verify`";
    PIP_TRUSTED_HOST = "pip-trusted-host", Medium, false,
        "pip believes whoever answers for this host; for loopback it also makes pip keep pages that may be out of date",
        "remove it: a proxy on loopback needs no trusted-host, any other one needs TLS";
    PIP_PROXY = "pip-http-proxy", Medium, false,
        "pip asks for everything through this HTTP proxy, a loopback index too, which it cannot reach",
        "set HTTPS_PROXY and NO_PROXY=127.0.0.1,localhost instead";
    EASY_INSTALL = "easy-install", High, false,
        "setuptools takes setup_requires from here, without the proxy",
        "remove it, and name build requirements in pyproject.toml";
    DEPENDENCY_LINKS = "dependency-links", Medium, false,
        "old versions of pip and setuptools follow these links",
        "remove it: no supported tool needs it";
    UV_INDEX = "uv-index", High, true,
        "uv takes files from an index that is not the proxy",
        "set UV_DEFAULT_INDEX to the proxy's address, or use `wheeltap run`";
    UV_EXTRA_INDEX = "uv-extra-index", High, false,
        "uv asks this index before its default one, or for what the default one does not have",
        "remove it, and let the proxy stand in front of that index";
    UV_EXTRA_INDEX_VARIABLE = "uv-extra-index-variable", High, true,
        "uv asks this index before its default one, or for what the default one does not have",
        "unset it, and let the proxy stand in front of that index";
    UV_FIND_LINKS = "uv-find-links", High, false,
        "uv takes files from these places, which nobody verifies",
        "remove it; verify local files with `wheeltap verify`";
    UV_FIND_LINKS_VARIABLE = "uv-find-links-variable", High, true,
        "uv takes files from these places, which nobody verifies",
        "unset it; verify local files with `wheeltap verify`";
    UV_INDEX_STRATEGY = "uv-index-strategy", Medium, true,
        "uv looks on in the other indexes after the first one that has a project, so that a refusal does not hold",
        "use the default, first-index";
    UV_INSECURE_HOST = "uv-insecure-host", Medium, false,
        "uv believes whoever answers for this host",
        "remove it: a proxy on loopback does not need it";
    UV_SOURCE = "uv-source", High, false,
        "uv takes this project from another place than its default index",
        "remove it, or verify what is locked with `wheeltap verify --lock uv.lock`";
    UV_CACHE = "uv-cache", Low, true,
        "what a lock names and uv has in its cache is installed without asking, also what was withdrawn since",
        "use `wheeltap run`, set UV_NO_CACHE, or verify the lock first: `wheeltap verify --lock uv.lock`";
    UV_TORCH = "uv-torch-backend", High, false,
        "uv takes some projects from PyTorch's own index",
        "remove it, and let the proxy stand in front of that index";
    POETRY_SOURCE = "poetry-source", High, false,
        "poetry takes files from this source, which is not the proxy",
        "remove it, and let the proxy stand in front of that index";
    POETRY_INDEX = "poetry-index", High, true,
        "poetry asks PyPI itself: it takes no notice of PIP_INDEX_URL",
        "use `wheeltap run`, or add the proxy: poetry source add --priority primary wheeltap <its address>";
    PDM_INDEX = "pdm-index", High, true,
        "pdm takes files from an index that is not the proxy",
        "set PDM_PYPI_URL to the proxy's address, or use `wheeltap run`";
    PDM_SOURCE = "pdm-source", High, false,
        "pdm takes files from this source, which is not the proxy",
        "remove it, and let the proxy stand in front of that index";
    PIPENV_INDEX = "pipenv-index", High, true,
        "pipenv asks PyPI itself",
        "set PIPENV_PYPI_MIRROR to the proxy's address, or use `wheeltap run`";
    PIPENV_SOURCE = "pipenv-source", High, false,
        "pipenv takes files from this source; a mirror stands in for PyPI only",
        "remove it, and let the proxy stand in front of that index";
    TOX_INSTALL_COMMAND = "tox-install-command", High, false,
        "an option on the command line goes before the environment's settings, or makes pip ignore them",
        "remove the option: tox passes PIP_INDEX_URL to pip";
    TOX_SET_ENV = "tox-set-env", High, false,
        "tox sets this in its environments, whatever was set outside",
        "remove it, or write {env:NAME:default} so that what is set outside counts";
    TOX_INDEX_SERVER = "tox-index-server", Medium, false,
        "tox before version 4 gives this address to pip; tox 4 ignores it",
        "remove it: tox passes PIP_INDEX_URL to pip";
    TOX_PASS_ENV = "tox-disallow-pass-env", High, false,
        "tox does not pass on the variables that point pip or uv at the proxy",
        "remove it from disallow_pass_env";
    REQUIREMENTS_INDEX = "requirements-index", High, false,
        "an index line in a requirements file goes before the environment's settings",
        "remove the line; the index belongs to the environment, not to the list";
    REQUIREMENTS_FIND_LINKS = "requirements-find-links", High, false,
        "pip takes files from this place, too, which nobody verifies",
        "remove the line";
    REQUIREMENTS_TRUSTED_HOST = "requirements-trusted-host", Medium, false,
        "pip believes whoever answers for this host",
        "remove the line";
    REQUIREMENTS_REMOTE = "requirements-remote", Medium, false,
        "what this address answers may name indexes and addresses, and was not looked at",
        "keep the file with the project, so that it is looked at and does not change";
    DIRECT_REFERENCE = "direct-reference", High, false,
        "a file or repository that is named by its address is fetched from there, not from an index",
        "name a released version, or verify the file by itself with `wheeltap verify`";
    BUILD_REQUIRES = "build-requires-direct", High, false,
        "what builds the project is fetched from this address, and runs",
        "name a released version";
    LOCK_ADDRESSES = "lock-addresses", High, false,
        "files are fetched from the addresses in the lock, whatever index is set",
        "verify them before they are installed: `wheeltap verify --lock FILE`; the lock's hashes then hold";
    LOCK_DIRECT = "lock-direct-reference", High, false,
        "the lock has a repository or file that is in no index",
        "name a released version, and lock again";
    CONDA = "conda-environment", Low, false,
        "what conda installs comes from its channels, of which the log knows nothing",
        "take what the log covers through pip";
    UNREAD = "not-looked-at", Medium, false,
        "what was not read may bypass the proxy",
        "look at it yourself, or name smaller directories";
    NO_SUCH_FILE = "no-such-file", Medium, false,
        "what is not there cannot be looked at",
        "check the path";
    TRUST_FILE = "trust-file", High, false,
        "without a trust file there is no verdict on anything",
        "get the trust file of the log you use, from somewhere you trust; see `wheeltap trust add --help`";
    TRUST_FILE_WRITABLE = "trust-file-writable", High, false,
        "whoever may write the trust file decides what is believed",
        "chmod go-w the file, and see who owns it";
    UNCOVERED = "uncovered-projects", Low, false,
        "projects that no log covers are installed without a verdict",
        "set `uncovered` in the trust file to \"pin\" or \"refuse\", if that is not meant";
    LOG_UNREACHABLE = "log-unreachable", High, false,
        "when the log does not answer, covered files are refused",
        "check the address in the trust file and the network; a mirror of the log will do, too";
    NO_VERDICT = "no-verdict", High, false,
        "the log answers, but what is remembered of it or this program cannot be used, so covered files are refused",
        "do what is said there";
    LOG_NOT_BELIEVED = "log-not-believed", High, false,
        "what the log answers is not believed, so covered files are refused",
        "see what is said there; check this machine's clock, and ask the log's operator";
    CLOCK = "clock", High, false,
        "by this clock fresh checkpoints look as if they were old, or old ones fresh",
        "set the clock: `timedatectl set-ntp true`, or whatever this machine has";
    PROXY_UNREACHABLE = "proxy-unreachable", High, false,
        "nothing answers at the proxy's address as a package index",
        "start it: `wheeltap proxy`, or name its address with --proxy";
    PROXY_INDEX_ONLY = "proxy-index-only", Medium, false,
        "installers fetch files elsewhere, and a digest that the user pins goes before the one on the proxy's page",
        "verify what is pinned: `wheeltap verify --lock FILE`, or run the proxy without --index-only";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn identities_are_distinct_and_texts_are_phrases() {
        let ids: BTreeSet<&str> = ALL.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), ALL.len());
        for rule in ALL {
            assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.id);
            for text in [rule.why, rule.next_step] {
                assert!(!text.ends_with('.') && text.len() > 10, "{}: {text}", rule.id);
            }
        }
    }
}
