//! Decisions about who may work on a run: in its row, its records and the trail, in one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use easemob_admin_ops::record::sink::RunEvents;
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::record::{Directed, Record};
use easemob_admin_ops::run::recorder::Note;
use easemob_admin_ops::run::store::{Direction, RunError};
use easemob_admin_ops::target::Target;

use super::record::Rows;
use super::{PgRuns, cannot};
use crate::lease::{leased, leave_all};
use crate::statement::execute;
use crate::trail::{TrailError, append};
use crate::transaction::Transaction;

impl PgRuns {
    /// Records a decision. Whoever works on the run finds out when the lease is next renewed.
    pub(super) fn record_direction(
        &self,
        id: &RunId,
        run: i64,
        header: Header,
        direction: Direction,
    ) -> Result<(), RunError> {
        let failed = |error| self.failed(error);
        let in_trail = |error| match error {
            TrailError::Store { source, .. } => self.failed(source),
            other => cannot(id, "cannot record in the audit trail what was decided about")(
                std::io::Error::other(other),
            ),
        };
        let trail = self.trails.of(&Target::from(&header).name()).map_err(in_trail)?;
        // A trail that was changed is not added to.
        let mut signer = trail.signer().map_err(in_trail)?;
        let state = direction.state;
        let note = Note::of_run(Record::Directed(Directed {
            at: direction.at,
            operator: direction.operator,
            state,
            reason: direction.reason,
        }));
        let rows = Rows::of(std::iter::once(&note.record));
        let rows = rows.map_err(|error| cannot(id, "cannot keep")(error.into()))?;
        let events = Arc::new(RunEvents::new(header, &HashMap::new()).of(&[note]));
        let transaction = Transaction::begin(&self.database).map_err(failed)?;
        let what = leased(id);
        let entered = transaction.ask(move |connection| async move {
            let enter = "UPDATE easemob_admin.run SET state = $2 WHERE number = $1";
            execute(&connection, enter, &[&run, &state.word()]).await?;
            if state == RunState::Open {
                leave_all(&connection, &what).await?;
            }
            rows.write(&connection, run).await
        });
        entered.map_err(failed)?;
        let (place, limits) = (trail.id(), trail.limits());
        let appended = transaction.ask(move |connection| append(connection, place, events, limits));
        appended.map_err(failed)?;
        transaction.commit().map_err(failed)?;
        trail.sign(&mut signer, (self.clock)()).map_err(in_trail)
    }
}
