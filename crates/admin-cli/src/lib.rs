//! The `easemob-admin` command line.
