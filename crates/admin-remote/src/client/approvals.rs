//! Requests for approval of one app, and decisions about them.

use super::app::ServiceApp;
use super::error::ServiceError;
use super::service::{Asking, part};
use crate::api::{ApprovalView, Reasoned};

impl ServiceApp {
    /// Returns the requests for approval, newest first. Blocks the thread.
    ///
    /// # Errors
    /// When the service cannot be used, or refuses.
    pub fn approvals(&self) -> Result<Vec<ApprovalView>, ServiceError> {
        self.service.pages(&self.path("approvals"))
    }

    /// Returns the request of a run. Blocks the thread.
    ///
    /// # Errors
    /// When the service cannot be used, or has no such request.
    pub fn approval(&self, run: &str) -> Result<ApprovalView, ServiceError> {
        let path = self.path(&format!("approvals/{}", part(run)));
        self.service.json(&Asking::get(path))
    }

    /// Approves or refuses the request of a run, and returns what it is then. Blocks the thread.
    ///
    /// # Errors
    /// When the service cannot be used, or refuses: nobody decides about a request of his own, or twice.
    pub fn decide(&self, run: &str, approves: bool, reason: &str) -> Result<ApprovalView, ServiceError> {
        let word = if approves { "approve" } else { "refuse" };
        let path = self.path(&format!("approvals/{}/{word}", part(run)));
        let body = Reasoned {
            reason: reason.to_owned(),
        };
        let asking = Asking::post(path, &body).map_err(|error| self.service.unusable(error))?;
        self.service.json(&asking)
    }
}
