//! One file per question: what is sent, and the judge of the answers.

mod batch_status;
mod device_lists;
mod largest_body;
mod last_page;
mod logouts;
mod rate_limit;
mod single_logout;
mod status_lag;
