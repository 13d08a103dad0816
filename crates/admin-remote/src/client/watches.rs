//! Watches of an app of a service: kept, followed and stopped.

use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::job::Action;

use super::app::ServiceApp;
use super::error::ServiceError;
use super::service::{Asking, part};
use crate::api::{NewWatch, Page, RunView, Stop, Watch};

impl ServiceApp {
    fn watch_path(&self, name: &str, below: &str) -> String {
        self.path(&format!("watches/{}{below}", part(name)))
    }

    /// Reads a watch; `None` if there is none of this name. Blocks the thread.
    ///
    /// # Errors
    /// When the service refuses or cannot be used.
    pub fn watch(&self, name: &str) -> Result<Option<Watch>, ServiceError> {
        match self.service.json(&Asking::get(self.watch_path(name, ""))) {
            Ok(watch) => Ok(Some(watch)),
            Err(error) if error.kind() == Some("no-such-watch") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a watch, in the place of the one of this name. Blocks the thread.
    ///
    /// # Errors
    /// When the service refuses or cannot be used.
    pub fn put_watch(&self, name: &str, new: &NewWatch) -> Result<Watch, ServiceError> {
        let asking = Asking::put(self.watch_path(name, ""), new);
        let asking = asking.map_err(|error| self.service.unusable(error))?;
        self.service.json(&asking)
    }

    /// Stops a watch, with the batch that it works on. Blocks the thread.
    ///
    /// # Errors
    /// When the service refuses or cannot be used, or has no such watch.
    pub fn stop_watch(&self, name: &str, reason: &str) -> Result<Watch, ServiceError> {
        let stop = Stop {
            reason: reason.to_owned(),
        };
        let asking = Asking::post(self.watch_path(name, "/stop"), &stop);
        let asking = asking.map_err(|error| self.service.unusable(error))?;
        self.service.json(&asking)
    }

    /// Returns the batches of a watch after a run, or all of them, oldest first. Blocks the thread.
    ///
    /// # Errors
    /// When the service refuses or cannot be used.
    pub fn batches(&self, first: &RunId, after: Option<&RunId>) -> Result<Vec<RunId>, ServiceError> {
        let (mut found, mut from) = (Vec::new(), None::<String>);
        loop {
            let after_this = from.as_deref().map(|from| format!("&after={}", part(from)));
            let path = format!("runs?limit=1000{}", after_this.unwrap_or_default());
            let page: Page<RunView> = self.service.json(&Asking::get(self.path(&path)))?;
            for run in page.items {
                let Some(id) = RunId::parse(&run.id) else { continue };
                // The newest come first.
                if id < *first || after.is_some_and(|after| id <= *after) {
                    found.reverse();
                    return Ok(found);
                }
                let of_it = matches!(&run.action, Action::Enforce { series: Some(series), .. } if *series == first.as_str());
                if of_it || id == *first {
                    found.push(id);
                }
            }
            match page.next {
                Some(next) if from.as_ref() == Some(&next) => {
                    return Err(self.service.unusable("its pages do not end"));
                }
                Some(next) => from = Some(next),
                None => {
                    found.reverse();
                    return Ok(found);
                }
            }
        }
    }
}
