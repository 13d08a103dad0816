//! What an operator names as one run: a run, or all batches of one `limits enforce --watch`.

use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::store::{ListedRun, RunError, RunStore};

/// One run, or the batches of a watch.
#[derive(Debug)]
pub(super) struct Named {
    /// The id of the run, or that of the watch.
    pub(super) id: String,
    /// The runs, oldest first; at least one.
    pub(super) runs: Vec<RunId>,
    pub(super) is_watch: bool,
}

impl Named {
    /// Finds a run, or a watch by its id, the start of it, or `last` if the newest run is a batch.
    ///
    /// # Errors
    /// As [`find`](trait.RunStore.html#method.find).
    pub(super) fn find(runs: &dyn RunStore, text: &str) -> Result<Self, RunError> {
        let id = match runs.find(text) {
            Ok(id) => id,
            Err(error @ RunError::NoSuchRun(_)) => {
                let watches = batches(runs, text)?;
                let mut watches = watches.into_iter().filter(|watch| watch.id.starts_with(text));
                return match (watches.next(), watches.next()) {
                    (Some(watch), None) => Ok(watch),
                    (Some(_), Some(_)) => Err(RunError::Ambiguous(text.into())),
                    (None, _) => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        let one = Self {
            id: id.to_string(),
            runs: vec![id.clone()],
            is_watch: false,
        };
        // Whoever uses the run says why it cannot be read.
        let Ok(ListedRun { header, .. }) = runs.glance(&id) else {
            return Ok(one);
        };
        let watch = match (series(&header), text) {
            (Some(watch), "last") => watch.to_owned(),
            // Earlier versions named a watch by its first batch.
            (None, _) if matches!(header.action, Action::Enforce { .. }) => id.to_string(),
            _ => return Ok(one),
        };
        let found = batches(runs, &watch)?.into_iter().find(|found| found.id == watch);
        Ok(found.unwrap_or(one))
    }

    /// Returns the newest run.
    pub(super) fn newest(&self) -> &RunId {
        &self.runs[self.runs.len() - 1]
    }
}

/// Returns the watch that a run is a batch of.
pub(super) fn series(header: &Header) -> Option<&str> {
    match &header.action {
        Action::Enforce { series, .. } => series.as_deref(),
        _ => None,
    }
}

/// Returns the watches with a batch that sorts after `text`, as all batches of a watch do whose id begins with it.
fn batches(runs: &dyn RunStore, text: &str) -> Result<Vec<Named>, RunError> {
    let mut watches: Vec<Named> = Vec::new();
    let mut first: Option<RunId> = None;
    for id in runs.list()?.into_iter().filter(|id| id.as_str() >= text) {
        let Ok(listed) = runs.glance(&id) else { continue };
        let Some(watch) = series(&listed.header) else {
            if id.as_str() == text {
                first = Some(id);
            }
            continue;
        };
        match watches.iter_mut().find(|known| known.id == watch) {
            Some(known) => known.runs.push(id),
            None => watches.push(Named {
                id: watch.to_owned(),
                // The first batch of a watch of an earlier version has the id of the watch.
                runs: first
                    .take_if(|first| first.as_str() == watch)
                    .into_iter()
                    .chain([id])
                    .collect(),
                is_watch: true,
            }),
        }
    }
    Ok(watches)
}
