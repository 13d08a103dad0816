//! Fills the context of a run, which is recorded once, into its events.

use std::collections::HashMap;

use crate::event::Event;
use crate::kind::Kind;

/// The `run.started` events of the runs read so far.
#[derive(Debug, Default)]
pub struct RunContext {
    /// Without an event if the start of the run is known to be missing.
    runs: HashMap<String, Option<Event>>,
}

impl RunContext {
    /// Fills in who, where and why, if the event itself does not say so.
    pub fn fill(&mut self, event: &mut Event) {
        let Some(run) = event.run.clone() else {
            return;
        };
        if event.kind == Kind::RunStarted {
            self.runs.insert(run, Some(event.clone()));
        } else if let Some(Some(started)) = self.runs.get(&run) {
            inherit(event, started);
        }
    }

    /// Returns false if nothing is known about the start of a run.
    #[must_use]
    pub fn knows(&self, run: &str) -> bool {
        self.runs.contains_key(run)
    }

    /// Adds the start of a run that was found otherwise, or that it is missing.
    pub fn learn(&mut self, run: &str, started: Option<Event>) {
        self.runs.insert(run.to_owned(), started);
    }
}

fn inherit(event: &mut Event, started: &Event) {
    fn or<T: Clone>(own: &mut Option<T>, other: Option<&T>) {
        if own.is_none() {
            *own = other.cloned();
        }
    }
    or(&mut event.operator, started.operator.as_ref());
    or(&mut event.host, started.host.as_ref());
    or(&mut event.app_root, started.app_root.as_ref());
    or(&mut event.app, started.app.as_ref());
    or(&mut event.sandbox, started.sandbox.as_ref());
    or(&mut event.profile, started.profile.as_ref());
    or(&mut event.tool, started.tool.as_ref());
    or(&mut event.reason, started.reason.as_ref());
    or(&mut event.ticket, started.ticket.as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventTime;

    #[test]
    fn what_the_run_said_once_holds_for_its_events() {
        let at = EventTime::from_millis(0);
        let mut context = RunContext::default();
        let mut started = Event::new(at, Kind::RunStarted);
        started.run = Some("r1".into());
        started.reason = Some("leak".into());
        context.fill(&mut started);
        let mut intent = Event::new(at, Kind::Intent);
        intent.run = Some("r1".into());
        context.fill(&mut intent);
        assert_eq!(intent.reason.as_deref(), Some("leak"));
        let mut other = Event::new(at, Kind::Intent);
        other.run = Some("r2".into());
        context.fill(&mut other);
        assert_eq!(other.reason, None);
    }
}
