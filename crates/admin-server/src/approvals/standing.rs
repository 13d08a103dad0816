//! Where a request is, and who may decide it. Pure.

use easemob_admin_remote::api::{Approval, ApprovalState, Decision};
use jiff::{SignedDuration, Timestamp};

use super::rules::ANYBODY;

/// Why somebody cannot decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyNot {
    /// Nobody approves what he asked for himself.
    AskedHimself,
    /// Each person decides once.
    DecidedBefore,
    /// It is decided, or the time is over.
    Closed(ApprovalState),
}

/// Returns where a request is at a time.
pub(crate) fn state(approval: &Approval, now: Timestamp) -> ApprovalState {
    if approval.decisions.iter().any(|decision| !decision.approves) {
        return ApprovalState::Refused;
    }
    match approval.execute_by {
        Some(until) if now < until => ApprovalState::Approved,
        Some(_) => ApprovalState::Over,
        None if now < approval.decide_by => ApprovalState::Pending,
        None => ApprovalState::Expired,
    }
}

/// Adds a decision. The last one that was needed opens the time in which the act can be carried out.
///
/// # Errors
/// When this person cannot decide.
pub(crate) fn decide(mut approval: Approval, decision: Decision) -> Result<Approval, WhyNot> {
    if is_same_person(&decision.by, &approval.asked_by) {
        return Err(WhyNot::AskedHimself);
    }
    let state = state(&approval, decision.at);
    if state != ApprovalState::Pending {
        return Err(WhyNot::Closed(state));
    }
    let again = |earlier: &Decision| is_same_person(&earlier.by, &decision.by);
    if approval.decisions.iter().any(again) {
        return Err(WhyNot::DecidedBefore);
    }
    let at = decision.at;
    approval.decisions.push(decision);
    if is_met(&approval) {
        let within = SignedDuration::from_mins(i64::from(approval.execute_within_minutes));
        approval.execute_by = Some(at + within);
    }
    Ok(approval)
}

/// Names of people are compared as a person reads them, so that no second spelling is a second person.
fn is_same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Returns true if as many people of each group agreed as are needed. One person may stand for several groups.
fn is_met(approval: &Approval) -> bool {
    approval.needs.iter().all(|need| {
        let agreed = approval.decisions.iter().filter(|decision| {
            decision.approves && (need.group == ANYBODY || decision.groups.contains(&need.group))
        });
        agreed.count() >= need.count as usize
    })
}

#[cfg(test)]
mod tests {
    use easemob_admin_ops::run::job::Action;
    use easemob_admin_remote::api::{Need, Order};

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn approval(needs: &[(&str, u32)]) -> Approval {
        let needs = needs.iter().map(|(group, count)| Need {
            group: (*group).into(),
            count: *count,
        });
        Approval {
            run: "20261129-120000-000000".into(),
            app: "prod".into(),
            order: Order {
                action: Action::LogoutUnread,
                items_sha256: String::new(),
                users: 9,
                devices: None,
            },
            asked_by: "ann".into(),
            asked_with: None,
            asked_at: at(0),
            reason: None,
            ticket: None,
            starts_itself: false,
            needs: needs.collect(),
            decisions: Vec::new(),
            decide_by: at(60),
            execute_within_minutes: 30,
            execute_by: None,
        }
    }

    fn says(by: &str, groups: &[&str], approves: bool, minute: i64) -> Decision {
        Decision {
            by: by.into(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            at: at(minute),
            approves,
            reason: "checked".into(),
        }
    }

    #[test]
    fn all_groups_must_agree_and_then_the_time_runs() {
        let asked = approval(&[("leads", 1), ("security", 1)]);
        let first = decide(asked, says("bob", &["leads"], true, 10)).unwrap();
        assert_eq!(state(&first, at(10)), ApprovalState::Pending);
        let second = decide(first, says("eve", &["security"], true, 20)).unwrap();
        assert_eq!(state(&second, at(49)), ApprovalState::Approved);
        assert_eq!(state(&second, at(50)), ApprovalState::Over);
        let late = decide(second, says("joe", &[], true, 21));
        assert_eq!(late.unwrap_err(), WhyNot::Closed(ApprovalState::Approved));
    }

    #[test]
    fn nobody_agrees_with_himself_or_twice_or_too_late() {
        let asked = || approval(&[(ANYBODY, 2)]);
        for name in ["ann", "Ann", " ANN "] {
            let own = decide(asked(), says(name, &["leads"], true, 1));
            assert_eq!(own.unwrap_err(), WhyNot::AskedHimself, "{name}");
        }
        let first = decide(asked(), says("bob", &[], true, 1)).unwrap();
        let twice = decide(first, says("Bob", &[], true, 2));
        assert_eq!(twice.unwrap_err(), WhyNot::DecidedBefore);
        let late = decide(asked(), says("bob", &[], true, 60));
        assert_eq!(late.unwrap_err(), WhyNot::Closed(ApprovalState::Expired));
    }

    #[test]
    fn one_no_is_enough() {
        let asked = approval(&[(ANYBODY, 1)]);
        let refused = decide(asked, says("bob", &[], false, 1)).unwrap();
        assert_eq!(state(&refused, at(2)), ApprovalState::Refused);
        let after = decide(refused, says("eve", &[], true, 2));
        assert_eq!(after.unwrap_err(), WhyNot::Closed(ApprovalState::Refused));
    }

    #[test]
    fn people_of_other_groups_do_not_count() {
        let asked = approval(&[("leads", 1)]);
        let other = decide(asked, says("bob", &["support"], true, 1)).unwrap();
        assert_eq!(state(&other, at(2)), ApprovalState::Pending);
        let lead = decide(other, says("eve", &["leads"], true, 2)).unwrap();
        assert_eq!(state(&lead, at(3)), ApprovalState::Approved);
    }
}
