//! Opens the console in a browser where there is a desktop. The link signs somebody in, so it must not be an argument, which other
//! accounts of the machine can read: the browser is given a private file that leads there.

use std::io::Write as _;
use std::process::{Command, Stdio};

use easemob_admin_ops::files::private::make_directory;
use tempfile::NamedTempFile;

use crate::context::Context;

/// What opens a file with the program of its kind.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

/// The file that leads to the console; it is removed with this.
#[derive(Debug)]
pub(super) struct Opened {
    _file: NamedTempFile,
}

/// Opens a link, if there is a desktop. The link was shown anyway, so that what fails here needs no word.
pub(super) fn open(context: &Context, link: &str) -> Option<Opened> {
    if !has_desktop(|name| context.environment.get(name).is_some()) {
        return None;
    }
    // Browsers that are confined cannot read the directory for temporary files.
    let state = context.places().ok()?.sandbox_state();
    let directory = state.parent()?;
    make_directory(directory).ok()?;
    let mut file = tempfile::Builder::new()
        .prefix("open-")
        .suffix(".html")
        .tempfile_in(directory)
        .ok()?;
    file.write_all(page(link).as_bytes())
        .and_then(|()| file.flush())
        .ok()?;
    let quiet = Command::new(OPENER)
        .arg(file.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut opener = quiet.ok()?;
    // It ends as soon as the browser has the file.
    std::thread::spawn(move || opener.wait());
    Some(Opened { _file: file })
}

/// Returns true if somebody sits before this machine. Whoever is connected from elsewhere has no use for its browser.
fn has_desktop(is_set: impl Fn(&str) -> bool) -> bool {
    let is_remote = is_set("SSH_CONNECTION") || is_set("SSH_TTY");
    !is_remote && (cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"))
}

/// Returns a page that leads to a link of our own making, which has no character to escape.
fn page(link: &str) -> String {
    format!(
        "<!doctype html><meta name=\"referrer\" content=\"no-referrer\"><meta http-equiv=\"refresh\" content=\"0;url={link}\">\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn a_browser_is_opened_only_for_somebody_who_sees_it() {
        let with = |set: &'static [&str]| has_desktop(move |name| set.contains(&name));
        assert!(with(&["DISPLAY"]) && with(&["WAYLAND_DISPLAY"]));
        assert!(!with(&[]) && !with(&["DISPLAY", "SSH_CONNECTION"]) && !with(&["DISPLAY", "SSH_TTY"]));
    }
}
