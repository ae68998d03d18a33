//! Names: of projects, versions and files, of keys, and of tiles.

use log_core::artifact::{FileName, ProjectName, Version, candidates, version_of};
use log_core::key::{SignerKey, VerifierKey};
use log_core::tile::TileId;

/// Names of artifacts, and what they say.
pub fn artifact(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(project) = ProjectName::normalise(text) {
        assert_eq!(ProjectName::parse(project.as_str()), Ok(project), "normalised names are names");
    }
    if let Ok(version) = Version::normalise(text) {
        let again = Version::parse(version.as_str()).expect("normalised versions are versions");
        assert_eq!(again.as_str(), version.as_str());
        let canonical = Version::normalise(&version.canonical()).expect("canonical versions are versions");
        assert_eq!(canonical, version, "the canonical version is the same one");
        assert_eq!(canonical.canonical(), version.canonical());
    }
    if let Ok(name) = FileName::parse(text) {
        assert_eq!(name.as_str(), text);
        for (project, version) in candidates(&name) {
            assert_eq!(version_of(&name, &project), Ok(version), "{name} of {project}");
        }
    }
}

/// Public and private keys.
pub fn key(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_vkey(), text);
    }
    if let Ok(key) = SignerKey::parse(text) {
        assert_eq!(key.to_skey(), text);
        assert!(key.public().verifies(b"message", &key.sign(b"message")));
    }
}

/// Paths of tiles.
pub fn tile_path(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Some(tile) = TileId::parse(text) {
        assert_eq!(tile.path(), text);
        assert!((1..=256).contains(&tile.width));
    }
}
