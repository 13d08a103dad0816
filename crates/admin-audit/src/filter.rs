//! Selects events. Pure.

use crate::event::Event;
use crate::event_time::EventTime;
use crate::kind::{Kind, Outcome};

/// The conditions on events. All must hold; a condition that is not set always holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Events about this user, ignoring case as the server does.
    pub user: Option<String>,
    /// Events of this operator: account, or subject of the token.
    pub operator: Option<String>,
    /// Events of runs whose id starts with this.
    pub run: Option<String>,
    /// Events of this ticket.
    pub ticket: Option<String>,
    /// Events at this time or later.
    pub since: Option<EventTime>,
    /// Events before this time.
    pub until: Option<EventTime>,
    /// Outcomes of this kind.
    pub outcome: Option<Outcome>,
    /// Only results of acts, without intents and the start and end of runs.
    pub acts_only: bool,
    /// With `acts_only`: also who asked for the approval of acts, and who decided about them.
    pub decisions: bool,
}

impl Filter {
    /// Returns true if an event, with the context of its run filled in, matches.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        let operator = event.operator.as_ref();
        let by = |wanted: &String| {
            operator
                .is_some_and(|by| by.os_user.as_ref() == Some(wanted) || by.subject.as_ref() == Some(wanted))
        };
        self.may_match(event)
            && self.operator.as_ref().is_none_or(by)
            && is(self.ticket.as_deref(), event.ticket.as_deref())
    }

    /// Returns false if an event does not match, whatever the context of its run is.
    #[must_use]
    pub fn may_match(&self, event: &Event) -> bool {
        let folded = |text: &str| text.to_lowercase();
        let user = event.user.as_deref().map(folded);
        is(self.user.as_deref().map(folded).as_deref(), user.as_deref())
            && self
                .run
                .as_ref()
                .is_none_or(|run| event.run.as_ref().is_some_and(|id| id.starts_with(run.as_str())))
            && self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
            && self
                .outcome
                .as_ref()
                .is_none_or(|outcome| event.outcome.as_ref() == Some(outcome))
            && (!self.acts_only
                || event.kind == Kind::Outcome
                || (self.decisions && event.kind.is_decision()))
    }
}

fn is(wanted: Option<&str>, has: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| has == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operator;

    #[test]
    fn every_condition_must_hold() {
        let mut event = Event::new(EventTime::from_millis(1000), Kind::Outcome);
        event.user = Some("Ann".into());
        event.run = Some("20260101-000000-abcdef".into());
        event.outcome = Some(Outcome::Ended);
        event.operator = Some(Operator {
            os_user: Some("root".into()),
            uid: None,
            subject: Some("eve@acme".into()),
            claims: None,
        });
        let all = Filter::default();
        assert!(all.matches(&event));
        let at = |millis| Some(EventTime::from_millis(millis));
        for (filter, matches) in [
            (
                Filter {
                    user: Some("ann".into()),
                    ..all.clone()
                },
                true,
            ),
            (
                Filter {
                    user: Some("bob".into()),
                    ..all.clone()
                },
                false,
            ),
            (
                Filter {
                    operator: Some("eve@acme".into()),
                    ..all.clone()
                },
                true,
            ),
            (
                Filter {
                    operator: Some("root".into()),
                    ..all.clone()
                },
                true,
            ),
            (
                Filter {
                    operator: Some("ann".into()),
                    ..all.clone()
                },
                false,
            ),
            (
                Filter {
                    run: Some("20260101".into()),
                    ..all.clone()
                },
                true,
            ),
            (
                Filter {
                    since: at(1000),
                    until: at(1001),
                    ..all.clone()
                },
                true,
            ),
            (
                Filter {
                    until: at(1000),
                    ..all.clone()
                },
                false,
            ),
            (
                Filter {
                    outcome: Some(Outcome::Failed),
                    ..all.clone()
                },
                false,
            ),
            (
                Filter {
                    ticket: Some("INC-7".into()),
                    ..all.clone()
                },
                false,
            ),
            (
                Filter {
                    acts_only: true,
                    ..all.clone()
                },
                true,
            ),
        ] {
            assert_eq!(filter.matches(&event), matches, "{filter:?}");
        }
    }
}
