//! The `easemob-admin` binary.

fn main() {}
