//! What several pages show, one concept per file.

pub(crate) mod act_word;
pub(crate) mod action;
pub(crate) mod csv;
pub(crate) mod dialog;
pub(crate) mod download;
pub(crate) mod foreign;
pub(crate) mod live;
pub(crate) mod loading;
pub(crate) mod notice;
pub(crate) mod outcome;
pub(crate) mod outcome_word;
pub(crate) mod platform;
pub(crate) mod reason;
pub(crate) mod run_id;
pub(crate) mod run_state;
