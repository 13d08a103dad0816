//! Scans of an app of a service: asked for, followed and stopped.

use std::fs::File;

use super::app::ServiceApp;
use super::error::ServiceError;
use super::service::{Asking, part};
use crate::api::{NewScan, Scan};

impl ServiceApp {
    /// Asks for a scan of all users, or of those whose names are in a file, as a JSON string in each line. Blocks the thread.
    ///
    /// # Errors
    /// When the service refuses or cannot be used.
    pub fn ask_for_scan(&self, new: &NewScan, names: Option<File>) -> Result<Scan, ServiceError> {
        let path = self.path("logins/scans");
        let asking = match names {
            None => Asking::post(path, new),
            Some(names) => Asking::post_lines(path, new, names),
        };
        let asking = asking.map_err(|error| self.service.unusable(error))?;
        self.service.json(&asking)
    }

    /// Reads a scan. Blocks the thread.
    ///
    /// # Errors
    /// When the service refuses or cannot be used.
    pub fn scan(&self, id: &str) -> Result<Scan, ServiceError> {
        let path = self.path(&format!("logins/scans/{}", part(id)));
        self.service.json(&Asking::get(path))
    }
}
