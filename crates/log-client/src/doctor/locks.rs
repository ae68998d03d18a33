//! Lock files: addresses that an installer fetches from, whatever index is set.
//!
//! Only addresses are looked for; whether what is locked is in the log is for
//! `wheeltap verify --lock` to say. One finding for all addresses of a file.

use std::path::Path;

use serde_json::Value as Json;
use toml::de::DeTable;

use super::collect::Findings;
use super::toml_file::{self, TomlFile, Value};
use super::{Place, pyproject, rules, url};

/// Judges `uv.lock`, `poetry.lock`, `pdm.lock` or `pylock.toml`.
pub fn judge_toml(path: &Path, text: &str, found: &mut Findings<'_>) {
    let file = match TomlFile::parse(text) {
        Ok(file) => file,
        Err(error) => return found.push(&rules::UNREAD, Place::File(path.to_owned(), None), &error),
    };
    let mut addresses: Vec<(usize, &str)> = Vec::new();
    let packages = ["package", "packages"].iter().filter_map(|key| file.get(&[key]));
    for (package, table) in packages.flat_map(toml_file::tables) {
        let at = |value: &Value<'_>| Place::File(path.to_owned(), Some(file.line(value)));
        if let Some((value, address)) = direct(package, table) {
            let name = toml_file::text(table, "name").unwrap_or_default();
            found.push(&rules::LOCK_DIRECT, at(value), &format!("{name} from {}", url::shown(address)));
        }
        for files in ["wheels", "sdist", "files"].iter().filter_map(|key| table.get(*key)) {
            let urls = toml_file::tables(files).into_iter().filter_map(|(_, file)| file.get("url"));
            addresses.extend(urls.filter_map(|url| Some((file.line(url), url.get_ref().as_str()?))));
        }
    }
    addresses.retain(|(_, address)| !found.target.is_proxy(address));
    if let Some((line, address)) = addresses.iter().min() {
        let place = Place::File(path.to_owned(), Some(*line));
        found.push(
            &rules::LOCK_ADDRESSES,
            place,
            &format!("{} addresses, the first: {}", addresses.len(), url::shown(address)),
        );
    }
}

/// Judges `Pipfile.lock`.
pub fn judge_json(path: &Path, text: &str, found: &mut Findings<'_>) {
    let place = || Place::File(path.to_owned(), None);
    let lock: Json = match serde_json::from_str(text) {
        Ok(lock) => lock,
        Err(error) => return found.push(&rules::UNREAD, place(), &error.to_string()),
    };
    for source in lock["_meta"]["sources"].as_array().into_iter().flatten() {
        let address = source["url"].as_str().unwrap_or_default();
        if !found.target.is_proxy(address) && !url::is_pypi(address) {
            found.push(&rules::PIPENV_SOURCE, place(), &url::shown(address));
        }
    }
    let groups = lock.as_object().into_iter().flatten().filter(|(name, _)| *name != "_meta");
    for (name, package) in groups.filter_map(|(_, group)| group.as_object()).flatten() {
        let address = ["git", "file", "path"].iter().find_map(|key| package[key].as_str());
        if let Some(address) = address.filter(|address| url::is_address(address)) {
            found.push(&rules::LOCK_DIRECT, place(), &format!("{name} from {}", url::shown(address)));
        }
    }
}

/// Where a package comes from that is in no index.
fn direct<'t, 'a>(package: &'t Value<'a>, table: &'t DeTable<'a>) -> Option<(&'t Value<'a>, &'t str)> {
    // uv and poetry have a source, pylock.toml has vcs or archive, pdm has it beside the name.
    let own = pyproject::direct(table).map(|address| (package, address));
    let below = ["source", "vcs", "archive"].iter().find_map(|key| {
        let value = table.get(*key)?;
        let source = value.get_ref().as_table()?;
        // A legacy source of poetry is an index.
        let is_index = toml_file::text(source, "type") == Some("legacy");
        pyproject::direct(source).filter(|_| !is_index).map(|address| (value, address))
    });
    own.or(below)
}
