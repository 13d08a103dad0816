//! Notices that the files of a certificate have changed.

use std::path::Path;
use std::time::SystemTime;

use easemob_admin_ops::listening::Tls;

/// When the files were last written, and how large they are.
type State = [Option<(SystemTime, u64)>; 2];

/// The files of a certificate, as they were.
pub(super) struct CertificateFiles {
    tls: Tls,
    state: State,
}

impl CertificateFiles {
    pub(super) fn of(tls: &Tls) -> Self {
        Self {
            state: state(tls),
            tls: tls.clone(),
        }
    }

    /// Returns true if a file has changed since this was asked last, and both can be read. Whoever renews a certificate writes
    /// one file after the other; if that is met half-way, the pair does not fit, and is read again after the second write.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = state(&self.tls);
        let changed = now != self.state && now.iter().all(Option::is_some);
        if changed {
            self.state = now;
        }
        changed
    }
}

fn state(tls: &Tls) -> State {
    [&tls.certificate, &tls.key].map(|path| of(path))
}

fn of(path: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_anew_or_replaced_is_noticed_once() {
        let home = tempfile::tempdir().unwrap();
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| home.path().join(name));
        std::fs::write(&certificate, "one").unwrap();
        std::fs::write(&key, "one").unwrap();
        let mut files = CertificateFiles::of(&Tls {
            certificate: certificate.clone(),
            key: key.clone(),
        });
        assert!(!files.have_changed());
        std::fs::write(&certificate, "another").unwrap();
        assert!(files.have_changed() && !files.have_changed());
        std::fs::remove_file(&key).unwrap();
        assert!(!files.have_changed(), "it may be back in a moment");
        std::fs::write(&key, "another").unwrap();
        assert!(files.have_changed() && !files.have_changed());
    }
}
