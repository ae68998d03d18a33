//! What the matrix stands on: a log with small official releases, an index that has
//! them, and proxies between that index and the installers.
//!
//! | project | |
//! |---|---|
//! | `tap-lib` | 1.0 and 1.1, logged |
//! | `tap-app` | 1.0, logged; needs `tap-lib` |
//! | `tap-gone` | 1.0 and 1.1, logged; 1.1 is withdrawn |
//! | `tap-back` | 1.0 to 1.2, logged; all are withdrawn while installers are at work |
//! | `free-lib` | 1.0; the log does not cover it |
//! | `evil-lib` | 6.6, an intruder's own project; the log does not cover it |

use std::collections::BTreeMap;

use log_client::offline_index::{Package, Recipe};
use log_core::artifact::{ProjectName, Version};

use super::installers::Installed;
use crate::harness::{Scene, Server};
use crate::hostile::{Listed, Page, Shelf, sha256};

/// What is official: logged, but for `free-lib`.
const OFFICIAL: [(&str, &str, &[&str]); 9] = [
    ("tap-lib", "1.0", &[]),
    ("tap-lib", "1.1", &[]),
    ("tap-app", "1.0", &["tap-lib>=1.0"]),
    ("tap-gone", "1.0", &[]),
    ("tap-gone", "1.1", &[]),
    ("tap-back", "1.0", &[]),
    ("tap-back", "1.1", &[]),
    ("tap-back", "1.2", &[]),
    ("free-lib", "1.0", &[]),
];

/// The official release, as its project makes it.
pub(crate) fn official(project: &str, version: &str) -> Recipe {
    let requires = OFFICIAL.iter().find(|known| (known.0, known.1) == (project, version));
    let mut recipe = recipe(project, version, "official");
    recipe.requires = requires.expect("an official release").2.iter().map(ToString::to_string).collect();
    recipe
}

/// What an intruder makes of it.
pub(crate) fn intruders(project: &str, version: &str) -> Recipe {
    recipe(project, version, "an intruder's")
}

fn recipe(project: &str, version: &str, whose: &str) -> Recipe {
    let (name, parsed) = (ProjectName::parse(project), Version::parse(version));
    let mut recipe = Recipe::new(&name.expect("a name"), &parsed.expect("a version"));
    recipe.module = module(project, version, whose);
    recipe
}

fn module(project: &str, version: &str, whose: &str) -> String {
    format!("\"\"\"{project} {version}: {whose}\"\"\"\n")
}

/// Whether an installed module is the official one of its project and version.
pub(crate) fn is_official(project: &str, installed: &Installed) -> bool {
    installed.module_sha256 == sha256(module(project, &installed.version, "official").as_bytes())
}

/// Whether it is withdrawn, at the end.
pub(crate) fn is_withdrawn(project: &str, version: &str) -> bool {
    project == "tap-back" || (project, version) == ("tap-gone", "1.1")
}

pub(crate) fn wheel(recipe: &Recipe) -> Listed {
    wheel_for(recipe, "py3-none-any")
}

pub(crate) fn wheel_for(recipe: &Recipe, tags: &str) -> Listed {
    Listed::new(recipe.wheel(tags).expect("a wheel"))
}

/// The index before anything happens to it.
pub(crate) fn honest() -> Shelf {
    let mut shelf: Shelf = BTreeMap::new();
    for (project, version, _) in OFFICIAL {
        let page = shelf.entry(project.to_owned()).or_insert_with(|| Page::new(Vec::new()));
        page.files.extend(packages(project, version).map(Listed::new));
    }
    shelf.insert("evil-lib".to_owned(), Page::new(vec![wheel(&intruders("evil-lib", "6.6"))]));
    shelf
}

fn packages(project: &str, version: &str) -> [Package; 2] {
    let recipe = official(project, version);
    [recipe.sdist().expect("an sdist"), recipe.wheel("py3-none-any").expect("a wheel")]
}

/// A log with the official releases; it runs.
pub(crate) fn log() -> (Scene, Server) {
    let scene = Scene::empty();
    for name in ["root", "team"] {
        scene.ok("wheeltap", &["keygen", &format!("{name}.example"), &format!("{name}.key")]);
    }
    let init = ["init", "--dir", "log", "--origin", "log.example", "--root", "root.key.pub"];
    let log_key = scene.ok("wheeltap-log", &init);
    scene.write("log.pub", log_key.as_bytes());
    let keys = ["--log-key", "log.pub", "--root", "root.key.pub", "--publisher", "team.key.pub", "tap-*"];
    let may = ["--may-withdraw", "team.key.pub", "--out", "policy.json"];
    scene.ok("wheeltap", &[&["policy", "init"], &keys[..], &may[..]].concat());
    scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", "policy.json"]);
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
    for (project, version, _) in OFFICIAL.iter().filter(|(project, ..)| *project != "free-lib") {
        append(&scene, project, version);
    }
    withdraw(&scene, "tap-gone", "1.1");
    (scene, server)
}

fn append(scene: &Scene, project: &str, version: &str) {
    let files = packages(project, version)
        .map(|package| scene.write(&format!("dist/{}", package.name), &package.bytes));
    let release = ["append", "--key", "team.key", "--project", project, "--version", version];
    scene.ok("wheeltap", &[&release[..], &files.each_ref().map(String::as_str)].concat());
}

pub(crate) fn withdraw(scene: &Scene, project: &str, version: &str) {
    let release = ["withdraw", "--key", "team.key", "--project", project, "--version", version, "--all"];
    let why = ["--yes", "--reason", "compromised", "--text", "the build host was taken over"];
    scene.ok("wheeltap", &[&release[..], &why[..]].concat());
}
