//! Where the index's files are on the proxy: a pure function, and its reverse.
//!
//! | the index has | the proxy has |
//! |---|---|
//! | `https://files…/packages/aa/bb/<rest>/<file>` | `/files/packages/aa/bb/<rest>/<file>` |
//! | any other URL of a file of a project | `/files/<project>/<file>` |
//!
//! The first is one to one, so that what a lock file has can be mapped back; it is for URLs
//! that end in the file's own name, and names that can be of one project only.
//!
//! Invariant: a path is that of one file of one project, whatever a page links to. Where the
//! index has it, and whether it may be had, that project's page says. So nothing can be
//! fetched that does not stand on a page, and nothing under another page's name.

use log_core::artifact::{FileName, ProjectName, candidates};
use log_core::simple_index::html::decode_percent;
use log_core::simple_index::write::encode_percent;

/// Longest path of a file: `packages/`, a digest, a name, each byte as three.
const MAX_PATH_BYTES: usize = 2_048;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The project that it is of.
    pub(super) project: ProjectName,
    /// The file, or the wheel whose metadata is asked for.
    pub(super) file: FileName,
    /// Whether the metadata is asked for.
    pub(super) metadata: bool,
}

/// The path of a file below the proxy, without the first slash.
pub(super) fn path_of(project: &ProjectName, name: &str, url: &str) -> String {
    let is_its_own = |path: &&str| {
        let last = path.rsplit('/').next().unwrap_or_default();
        let file = FileName::parse(name).ok();
        decode_percent(last) == name && file.and_then(|file| only_project(&file)).as_ref() == Some(project)
    };
    match packages_path(url).filter(is_its_own) {
        Some(path) => format!("files/{path}"),
        None => format!("files/{project}/{}", encode_percent(name)),
    }
}

/// The project that a file of this name is of, when there is one alone.
fn only_project(name: &FileName) -> Option<ProjectName> {
    let mut projects = candidates(name).into_iter().map(|(project, _)| project);
    let first = projects.next()?;
    projects.all(|project| project == first).then_some(first)
}

/// What a path below `/files/` asks for; `None` when it is no such path.
pub(super) fn asked(path: &str) -> Option<Asked> {
    if path.len() > MAX_PATH_BYTES {
        return None;
    }
    let (before, last) = path.rsplit_once('/')?;
    let name = FileName::parse(&decode_percent(last)).ok()?;
    let wheel = name.metadata_of();
    let metadata = wheel.is_some();
    let file = wheel.unwrap_or(name);
    let project = if before.starts_with("packages/") {
        only_project(&file)?
    } else {
        ProjectName::parse(before).ok()?
    };
    Some(Asked { project, file, metadata })
}

/// `packages/…/<file>` of a URL whose path ends in that, as `PyPI`'s and its mirrors' do.
fn packages_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.find("/packages/").map_or(path, |at| &path[at + 1..]);
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let parts = path.split('/').count();
    (path.starts_with("packages/") && parts >= 3 && path.split('/').all(plain)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_back() {
        let project = ProjectName::parse("tap-lib").expect("a name");
        let url = "https://files.example/packages/aa/bb/cc/tap_lib-1.0-py3-none-any.whl";
        let path = path_of(&project, "tap_lib-1.0-py3-none-any.whl", url);
        assert_eq!(path, "files/packages/aa/bb/cc/tap_lib-1.0-py3-none-any.whl");
        let found = asked(path.strip_prefix("files/").expect("below")).expect("a file");
        assert_eq!(found.project, project);
        // A link to a file of another name, or to one that may be of another project.
        let other = "https://files.example/packages/aa/free_lib-1.0-py3-none-any.whl";
        let path = path_of(&project, "tap_lib-2.0-py3-none-any.whl", other);
        assert_eq!(path, "files/tap-lib/tap_lib-2.0-py3-none-any.whl");
        let odd = "tap-lib-3-1.tar.gz";
        let path = path_of(&project, odd, &format!("https://files.example/packages/aa/{odd}"));
        assert_eq!(path, format!("files/tap-lib/{odd}"));
        assert_eq!(asked(&format!("packages/aa/{odd}")), None);
        assert_eq!(asked(&format!("tap-lib/{odd}")).expect("a file").project, project);
        assert!(!found.metadata);
        let path = path_of(&project, "tap lib+1.tar.gz", "http://h/+f/abc/x.tar.gz#sha256=0");
        assert_eq!(path, "files/tap-lib/tap%20lib%2B1.tar.gz");
        let found = asked("tap-lib/tap_lib-1.0-py3-none-any.whl.metadata").expect("metadata");
        assert_eq!((found.file.as_str(), found.metadata), ("tap_lib-1.0-py3-none-any.whl", true));
        for bad in ["", "x", "tap-lib/", "../tap_lib-1.0.tar.gz", "tap-lib/..%2Fx", "Tap_Lib/x-1.tar.gz"] {
            assert_eq!(asked(bad), None, "{bad}");
        }
        assert_eq!(packages_path("https://h/packages/../x/f"), None);
        assert_eq!(packages_path("https://h/packages/f"), None);
    }
}
