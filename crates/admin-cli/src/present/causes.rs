//! The errors of the libraries in the language of whoever reads them.
//!
//! The libraries speak English, to programs and to logs. The errors that operators meet most have a sentence of their own here,
//! with the English behind it where that says more; all others are shown as they are.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use easemob_admin_api::Error as ApiError;
use easemob_admin_audit::AuditError;
use easemob_admin_ops::run::store::RunError;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_words::{Language, spoken, t};

/// Returns what an error says, without its causes.
#[must_use]
pub fn said(error: &(dyn StdError + 'static)) -> String {
    let english = error.to_string();
    if spoken() == Language::English {
        return english;
    }
    let known = if let Some(error) = error.downcast_ref::<io::Error>() {
        of_system(error)
    } else if let Some(error) = error.downcast_ref::<ApiError>() {
        of_server(error).map(|what| t!("{what} ({english})"))
    } else if let Some(error) = error.downcast_ref::<RunError>() {
        of_run(error)
    } else if let Some(error) = error.downcast_ref::<StoreError>() {
        of_store(error)
    } else if let Some(AuditError::Busy { path, waited }) = error.downcast_ref() {
        let (seconds, path) = (waited.as_secs(), path.display());
        Some(t!(
            "another process has held the audit trail for more than {seconds} s: {path}"
        ))
    } else {
        None
    };
    known.unwrap_or(english)
}

fn of_system(error: &io::Error) -> Option<String> {
    let what = match error.kind() {
        ErrorKind::NotFound => t!("there is no such file or directory"),
        ErrorKind::PermissionDenied => t!("permission denied"),
        ErrorKind::AlreadyExists => t!("it exists already"),
        ErrorKind::StorageFull => t!("no space is left on the disk"),
        ErrorKind::QuotaExceeded => t!("the quota of the disk is used up"),
        ErrorKind::ReadOnlyFilesystem => t!("the file system can only be read"),
        ErrorKind::IsADirectory => t!("it is a directory"),
        ErrorKind::NotADirectory => t!("it is not a directory"),
        ErrorKind::ConnectionRefused => t!("the connection was refused"),
        ErrorKind::TimedOut => t!("no answer in time"),
        _ => return None,
    };
    Some(match error.raw_os_error() {
        Some(code) => t!("{what} (os error {code})"),
        None => what.to_owned(),
    })
}

fn of_server(error: &ApiError) -> Option<&'static str> {
    Some(if error.is_refused_by_proxy() {
        t!("the proxy refused the request")
    } else if error.is_wrong_app() {
        t!("the server does not have this app")
    } else if error.is_unauthorized() {
        t!("the server refused the credentials")
    } else if error.is_not_found() {
        t!("the server does not have this user")
    } else if error.is_quota() {
        t!("a quota of the app is used up")
    } else if error.is_rate_limited() {
        t!("the server receives too many requests")
    } else if error.is_unreachable() {
        t!("the server cannot be reached")
    } else if error.is_timeout() {
        t!("the server did not answer in time")
    } else if error.is_foreign_answer() {
        t!("something other than the server answered")
    } else if error.is_transient() {
        t!("the server has a temporary problem")
    } else {
        return None;
    })
}

fn of_run(error: &RunError) -> Option<String> {
    Some(match error {
        RunError::NoName => t!("the run id is empty").into(),
        RunError::NoSuchRun(id) => t!("run `{id}` does not exist"),
        RunError::Ambiguous(id) => t!("more than one run id starts with `{id}`"),
        RunError::Busy(id, _) => t!("another process is working on run {id}"),
        RunError::OneMachine(id) => {
            t!("the records of run {id} are files of this machine, which no other process can direct")
        }
        RunError::InputChanged(id) => t!("the input of run {id} was changed after the run was started"),
        _ => return None,
    })
}

fn of_store(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::File { path, .. } => t!("cannot use {}", path.display()),
        StoreError::NotOpen(id) => {
            t!("snapshot {id} cannot be changed: it is finished, or is no longer kept")
        }
        StoreError::Taken(id) => t!("another process is scanning into snapshot {id}"),
        StoreError::Watched(name) => t!("another process is already watching the sign-ins for {name}"),
        StoreError::Busy(_) => t!("another process is using the database").into(),
        StoreError::Away(_) => t!("the database cannot be reached").into(),
        StoreError::Full(_) => t!("the database has no room left").into(),
        StoreError::Failed(_) => t!("a database operation failed").into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use easemob_admin_words::within;

    use super::*;

    #[test]
    fn common_causes_are_told_in_chinese_and_all_in_english() {
        let missing = || io::Error::from_raw_os_error(2);
        assert_eq!(said(&missing()), "No such file or directory (os error 2)");
        let errors: [(Box<dyn StdError>, &str); 5] = [
            (Box::new(missing()), "没有此文件或目录（os error 2）"),
            (Box::new(RunError::NoSuchRun("r1".into())), "运行 `r1` 不存在"),
            (
                Box::new(StoreError::Busy("locked".into())),
                "另一个进程正在使用数据库",
            ),
            (Box::new(io::Error::other("odd")), "odd"),
            (Box::new(RunError::NoName), "运行的 ID 为空"),
        ];
        for (error, expected) in errors {
            assert_eq!(within(Language::Chinese, || said(error.as_ref())), expected);
        }
    }
}
