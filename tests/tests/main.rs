//! The whole binary against a sandbox: what a person or a script sees, and what is sent.
#![allow(missing_docs, reason = "tests are named for what they prove")]
#![allow(clippy::unwrap_used, reason = "set-up that fails shall fail the test")]

#[allow(dead_code, reason = "some of it is for the tests of the store")]
#[path = "../../crates/admin-store-pg/tests/cluster/mod.rs"]
mod cluster;
#[allow(dead_code, reason = "some of it is for the tests of the store")]
#[path = "../../crates/admin-store-pg/tests/it/cut.rs"]
mod cut;

mod it {
    mod answers_on_the_wire;
    mod apply_stop;
    mod approvals;
    mod audit;
    mod away;
    mod backfill;
    mod bad_lists;
    mod bad_servers;
    mod call_names;
    mod catalogue;
    mod collector;
    mod concurrency;
    mod configuration;
    mod conformance;
    mod consent;
    mod console;
    mod console_pages;
    mod console_sign_in;
    mod console_users;
    mod crash;
    mod documents;
    mod echoes_and_pauses;
    mod embedded_sandbox;
    pub(crate) mod env;
    mod every_command;
    #[cfg(target_os = "linux")]
    mod faults;
    mod files_and_signals;
    mod help;
    mod interrupts;
    mod killed_calls;
    mod limits_policy;
    mod live_devices;
    mod lock_ends;
    mod locks;
    mod logins;
    mod logout_counts;
    mod names;
    mod old_data;
    mod one_bad_answer;
    mod openid_provider;
    mod operation;
    mod origins;
    mod ownership;
    mod pipes;
    mod plans;
    mod probe;
    mod proxies;
    mod prune;
    mod record;
    mod replicas;
    mod runs;
    mod schedules;
    mod secrets;
    pub(crate) mod service;
    mod service_document;
    mod service_faults;
    mod service_logins;
    mod shown_rows;
    mod sign_in;
    #[cfg(target_os = "linux")]
    mod silent_connections;
    mod status_first;
    mod storms;
    mod team;
    mod team_budget;
    mod team_chaos;
    mod through_service;
    mod tickets;
    mod tokens;
    mod trail_says;
    mod two_at_once;
    mod undo;
    mod units;
    mod user_caps;
    mod vendor_calls;
    mod verbose;
    mod watches;
    mod websdk;
    mod workers;
}
