//! The options that name a server, for commands that are printed for the user to paste.

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
