//! The console as a browser sees it: a service in this process, on a sandbox, and requests with cookies.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod it {
    mod acts;
    pub(crate) mod browser;
    mod entrance;
    mod extremes;
    mod issuer;
    mod live;
    mod sign_in_attacks;
    mod sign_in_elsewhere;
    mod twice;
    mod user;
    mod users;
}
