//! The capability file of an app root: what its server was found to do, and what is obeyed of that.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use easemob_admin_api::AppRoot;
use easemob_admin_audit::directory_name;
use easemob_admin_ops::files::bounded;
use easemob_admin_ops::probe::capabilities::Capabilities;
use easemob_admin_ops::probe::obeyed::Obeyed;
use easemob_admin_ops::status_first::When;
use easemob_admin_words::t;
use jiff::Timestamp;

use crate::config::places::Places;
use crate::config::private_file::write_private;
use crate::ui::Ui;

/// The files of one app root.
#[derive(Debug, Clone)]
pub struct CapabilityFiles {
    directory: PathBuf,
    name: String,
}

impl CapabilityFiles {
    /// Names the files of the app at `root`, or of the embedded sandbox, whose root differs each time.
    #[must_use]
    pub fn of(places: &Places, root: &str, sandbox: bool) -> Self {
        Self {
            directory: places.capabilities(),
            name: directory_name(sandbox, None, root),
        }
    }

    /// Returns the path of the answers.
    #[must_use]
    pub fn answers(&self) -> PathBuf {
        self.directory.join(format!("{}.json", self.name))
    }

    /// Returns the path of the list of throw-away users that are not deleted yet.
    #[must_use]
    pub fn users(&self) -> PathBuf {
        self.directory.join(format!("{}.users", self.name))
    }

    /// Returns the path of the lock that one probe at a time holds.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.directory.join(format!("{}.lock", self.name))
    }
}

/// Reads a capability file.
///
/// # Errors
/// When it cannot be read, with the reason.
pub fn read(path: &Path) -> Result<Option<Capabilities>, String> {
    let bytes = match bounded::whole(path, bounded::WRITTEN_BY_HAND) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|error| error.to_string())?,
    };
    let known = Capabilities::read(&bytes).map_err(|error| error.to_string())?;
    Ok(Some(known))
}

/// Writes a capability file that only its owner can read.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, known: &Capabilities) -> std::io::Result<()> {
    let text = known.to_json().map_err(std::io::Error::other)?;
    write_private(path, text.as_bytes())
}

/// What is known of the server of a session.
pub struct Known {
    /// When the server was asked.
    pub probed_at: Timestamp,
    /// What is obeyed; nothing if the answers are too old.
    pub obeyed: Option<Obeyed>,
    ui: Arc<Ui>,
    said: OnceLock<()>,
}

impl Known {
    /// Reads what is known of the server at `root`. A file that cannot be used is a warning, and nothing is obeyed.
    pub(crate) fn find(ui: &Arc<Ui>, places: &Places, root: &AppRoot, sandbox: bool) -> Option<Self> {
        let root = root.to_string();
        let path = CapabilityFiles::of(places, &root, sandbox).answers();
        let found = read(&path).and_then(|known| match known {
            Some(known) if !sandbox && known.app_root != root => Err(t!("it is about {}", known.app_root)),
            known => Ok(known),
        });
        match found {
            Ok(known) => known.map(|known| Self {
                probed_at: known.probed_at,
                obeyed: Obeyed::of(&known, Timestamp::now()),
                ui: Arc::clone(ui),
                said: OnceLock::new(),
            }),
            Err(why) => {
                ui.warn(t!(
                    "cannot use the capability file {}, so the documented behaviour is assumed: {why}; remove the file, or \
                     replace it with: easemob-admin profile doctor --probe",
                    path.display()
                ));
                None
            }
        }
    }

    /// Returns when to ask for the status first if nothing was chosen, and says so once if that is unusual.
    #[must_use]
    pub fn usual_reading(&self) -> When {
        let Some(why) = self.obeyed.and_then(|obeyed| obeyed.every_user) else {
            return When::LongList;
        };
        self.said.get_or_init(|| {
            self.ui.note(t!(
                "every user is read because {} (probe of {:.0}); --status-first asks for the status first all the same",
                why.reason(),
                self.probed_at
            ));
        });
        When::Never
    }
}
