//! One file per command.

pub mod append;
pub mod bench;
pub mod demo;
pub mod evidence;
pub mod import;
pub mod keygen;
pub mod lookup;
pub mod policy;
pub mod trust;
pub mod verify;
pub mod withdraw;
