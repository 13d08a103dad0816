//! Answers of the server, as every kind of call reads them.
#![no_main]

use easemob_admin_api::endpoints::devices::ListDevices;
use easemob_admin_api::endpoints::sessions::LogoutAll;
use easemob_admin_api::endpoints::status::GetStatus;
use easemob_admin_api::endpoints::users::ListUsers;
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::{UserId, UserQuery};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(user) = UserId::parse("ann") else { return };
    let _ = Envelope::decode(&ListDevices { user: user.clone() }, bytes);
    let _ = Envelope::decode(&GetStatus { user: user.clone() }, bytes);
    let _ = Envelope::decode(&LogoutAll { user }, bytes);
    let all = ListUsers { query: UserQuery::new(), cursor: None };
    let _ = Envelope::decode(&all, bytes);
});
