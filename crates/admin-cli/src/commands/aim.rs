//! The options that name a server, for commands that are printed for the user to paste.

use std::path::Path;

use easemob_admin_ops::files::encoding::quoted;

use crate::cli::Globals;

/// Returns the options that name the server, with a trailing space; empty if the environment or flags name
/// it.
#[must_use]
pub fn aim(sandbox: bool, profile: Option<&str>) -> String {
    match profile {
        _ if sandbox => "--sandbox ".into(),
        Some(profile) => format!("--profile {profile} "),
        None => String::new(),
    }
}

/// Returns the options that named the server on this command line, with a trailing space; empty if there are none.
#[must_use]
pub fn aim_of(globals: &Globals) -> String {
    let given = |(option, value): (&str, &Option<String>)| {
        let value = value.as_ref()?;
        Some(format!("{option} {} ", quoted(Path::new(value))))
    };
    let store = given(("--store", &globals.store)).unwrap_or_default();
    if globals.sandbox || globals.profile.is_some() {
        return store + &aim(globals.sandbox, globals.profile.as_deref());
    }
    let options = [
        ("--server", &globals.server),
        ("--app", &globals.app),
        ("--app-root", &globals.app_root),
    ];
    let server: String = options.into_iter().filter_map(given).collect();
    store + &server
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_command_is_about_the_same_server() {
        assert_eq!(aim(false, None), "");
        assert_eq!(aim(false, Some("prod")), "--profile prod ");
        assert_eq!(aim(true, None), "--sandbox ");
    }
}
