//! What Wheeltap's binaries share of disk, network and terminal.
