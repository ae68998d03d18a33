//! The store against the index that is held whole in memory.

mod crashes;
mod damage;
mod histories;
mod model;
mod threads;
