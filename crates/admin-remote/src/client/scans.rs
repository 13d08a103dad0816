//! Scans of an app of a service: asked for, followed and stopped.

use super::app::ServiceApp;
use super::error::ServiceError;
use super::service::{Asking, part};
use crate::api::{NewScan, Scan};

impl ServiceApp {
    /// Asks for a scan. Blocks the thread.
    ///
    /// # Errors
    /// When the service refuses or cannot be used.
    pub fn ask_for_scan(&self, new: &NewScan) -> Result<Scan, ServiceError> {
        let asking = Asking::post(self.path("logins/scans"), new);
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
