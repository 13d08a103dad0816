//! Identifies the operator as the machine knows it. Only this module uses the crates that look this up.

use easemob_admin_ops::run::journal::header::Operator;

/// Returns who runs this process; `subject` is the subject of the signed token, if there is one.
///
/// The name is looked up by the account's user id, not read from a variable that anybody can set. The user
/// that switched accounts with `sudo` and the account that signed in to the machine are recorded beside it.
/// Both are claims, because root can set either.
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
        login_uid: std::fs::read_to_string("/proc/self/loginuid")
            .ok()
            .as_deref()
            .and_then(login_uid),
        subject,
        host: whoami::hostname().unwrap_or_else(|_| "unknown".into()),
    }
}

/// Parses the uid of the account that signed in; the largest uid means that nobody did, as in a service.
fn login_uid(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_signed_in_where_there_is_no_number() {
        for (text, expected) in [
            ("1000", Some(1000)),
            ("0\n", Some(0)),
            ("4294967295", None),
            ("4294967296", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(login_uid(text), expected, "{text:?}");
        }
    }
}
