//! One file per command.

pub mod append;
pub mod bench;
pub mod demo;
pub mod doctor;
pub mod evidence;
pub mod import;
pub mod keygen;
pub mod lock;
pub mod lookup;
pub mod monitor;
pub mod policy;
pub mod proxy;
pub mod run;
pub mod trust;
pub mod verify;
pub mod withdraw;
