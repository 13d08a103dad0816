//! Who acts, as the machine knows it. The home of the crates that ask for it.

use crate::bulk::journal::header::Operator;

/// Returns who runs this process; `subject` is that of the signed token shown to the server, if there is one.
///
/// The name is looked up by the number of the account, not read from a variable that anybody can set. Who
/// became another account with `sudo` is named beside it.
#[must_use]
pub fn operator(subject: Option<String>, sudo_user: Option<&str>) -> Operator {
    #[cfg(unix)]
    let uid = Some(rustix::process::getuid().as_raw());
    #[cfg(not(unix))]
    let uid = None;
    let number = || uid.map_or_else(|| "unknown".to_owned(), |uid: u32| uid.to_string());
    Operator {
        os_user: whoami::username().unwrap_or_else(|_| number()),
        uid,
        sudo_user: sudo_user.map(str::to_owned),
        subject,
        host: whoami::hostname().unwrap_or_else(|_| "unknown".into()),
    }
}
