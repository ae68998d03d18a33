//! Where the index's files are on the proxy: a pure function, and its reverse.
//!
//! | the index has | the proxy has |
//! |---|---|
//! | `https://files…/packages/aa/bb/<rest>/<file>` | `/files/packages/aa/bb/<rest>/<file>` |
//! | any other URL of a file of a project | `/files/<project>/<file>` |
//!
//! The first is one to one, so that what a lock file has can be mapped back. A path says
//! which file of which project is meant; where the index has it, and whether it may be had,
//! the project's page says. So nothing can be fetched that does not stand on a page.

use log_core::artifact::{FileName, ProjectName, candidates};
use log_core::simple_index::html::decode_percent;
use log_core::simple_index::write::encode_percent;

/// Longest path of a file: `packages/`, a digest, a name, each byte as three.
const MAX_PATH_BYTES: usize = 2_048;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The projects that it may be of, most plausible first.
    pub(super) projects: Vec<ProjectName>,
    /// The file, or the wheel whose metadata is asked for.
    pub(super) file: FileName,
    /// Whether the metadata is asked for.
    pub(super) metadata: bool,
}

/// The path of a file below the proxy, without the first slash.
pub(super) fn path_of(project: &ProjectName, name: &str, url: &str) -> String {
    match packages_path(url) {
        Some(path) => format!("files/{path}"),
        None => format!("files/{project}/{}", encode_percent(name)),
    }
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
    let projects = if before.starts_with("packages/") {
        candidates(&file).into_iter().map(|(project, _)| project).collect()
    } else {
        vec![ProjectName::parse(before).ok()?]
    };
    Some(Asked { projects, file, metadata })
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
        assert_eq!(found.projects, std::slice::from_ref(&project));
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
