//! Which acts need approval. Pure.

use std::collections::BTreeMap;

use easemob_admin_remote::api::{ApprovalRule, ApprovalRules, Need, Verb};

/// Anybody who may approve.
pub(crate) const ANYBODY: &str = "*";

/// The most people that a rule can ask for.
const MOST: u32 = 20;

/// The longest times of a rule: 30 days.
const LONGEST_MINUTES: u32 = 30 * 24 * 60;

/// Who must agree, and within which times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Required {
    pub(crate) needs: Vec<Need>,
    pub(crate) decide_within_minutes: u32,
    pub(crate) execute_within_minutes: u32,
}

/// Returns who must agree to an act that brings somebody's day to `users`: what every fitting rule asks for, in the shortest
/// of their times. `None` if nobody has to.
pub(crate) fn required(rules: &ApprovalRules, verb: Verb, users: u64) -> Option<Required> {
    let fits = |rule: &&ApprovalRule| rule.verbs.contains(&verb) && users > rule.over_users;
    let fitting: Vec<&ApprovalRule> = rules.rules.iter().filter(fits).collect();
    let mut needs: BTreeMap<&str, u32> = BTreeMap::new();
    for need in fitting.iter().flat_map(|rule| &rule.needs) {
        let count = needs.entry(&need.group).or_default();
        *count = need.count.max(*count);
    }
    Some(Required {
        needs: needs
            .into_iter()
            .map(|(group, count)| Need {
                group: group.to_owned(),
                count,
            })
            .collect(),
        decide_within_minutes: fitting.iter().map(|rule| rule.decide_within_minutes).min()?,
        execute_within_minutes: fitting.iter().map(|rule| rule.execute_within_minutes).min()?,
    })
}

/// Checks rules before they are kept: one that asks for nothing, or for nobody, would protect nothing.
///
/// # Errors
/// When a rule has no verb, no need, or a number out of its range.
pub(crate) fn check(rules: &ApprovalRules) -> Result<(), String> {
    for (number, rule) in rules.rules.iter().enumerate() {
        let bad = |why: &str| Err(format!("rule {}: {why}", number + 1));
        if rule.verbs.is_empty() {
            return bad("`verbs` is empty");
        }
        if rule.needs.is_empty() {
            return bad("`needs` is empty");
        }
        for need in &rule.needs {
            if need.group.trim().is_empty() || !(1..=MOST).contains(&need.count) {
                return bad("each need has a `group`, or `*`, and a `count` of 1 to 20");
            }
        }
        let times = [rule.decide_within_minutes, rule.execute_within_minutes];
        if times.iter().any(|time| !(1..=LONGEST_MINUTES).contains(time)) {
            return bad("times are 1 to 43200 minutes");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &[Verb], over_users: u64, group: &str, count: u32, minutes: u32) -> ApprovalRule {
        ApprovalRule {
            verbs: verbs.iter().copied().collect(),
            over_users,
            needs: vec![Need {
                group: group.into(),
                count,
            }],
            decide_within_minutes: minutes,
            execute_within_minutes: minutes * 2,
        }
    }

    #[test]
    fn every_rule_that_fits_must_be_met() {
        let rules = ApprovalRules {
            mass_deletions_a_day: 0,
            rules: vec![
                rule(&[Verb::Logout, Verb::Ban], 20, ANYBODY, 1, 60),
                rule(&[Verb::Logout], 1_000, "leads", 2, 30),
                rule(&[Verb::Logout], 5_000, "leads", 1, 90),
            ],
        };
        let needs = |verb, users| {
            let required = required(&rules, verb, users)?;
            let needs: Vec<String> = required
                .needs
                .iter()
                .map(|need| format!("{}{}", need.count, need.group))
                .collect();
            Some((needs.join(" "), required.decide_within_minutes))
        };
        assert_eq!(needs(Verb::Logout, 20), None);
        assert_eq!(needs(Verb::Logout, 21), Some(("1*".into(), 60)));
        assert_eq!(needs(Verb::Logout, 1_001), Some(("1* 2leads".into(), 30)));
        assert_eq!(needs(Verb::Logout, 5_001), Some(("1* 2leads".into(), 30)));
        assert_eq!(needs(Verb::Ban, 5_001), Some(("1*".into(), 60)));
        assert_eq!(needs(Verb::Lock, u64::MAX), None);
    }

    #[test]
    fn a_rule_that_asks_for_nothing_is_refused() {
        let good = rule(&[Verb::Ban], 0, "leads", 1, 60);
        let check = |rule: ApprovalRule| {
            check(&ApprovalRules {
                rules: vec![rule],
                ..ApprovalRules::default()
            })
        };
        assert_eq!(check(good.clone()), Ok(()));
        let with = |change: fn(&mut ApprovalRule)| {
            let mut rule = good.clone();
            change(&mut rule);
            check(rule)
        };
        assert!(with(|rule| rule.verbs.clear()).is_err());
        assert!(with(|rule| rule.needs.clear()).is_err());
        assert!(with(|rule| rule.needs[0].count = 0).is_err());
        assert!(with(|rule| rule.needs[0].group = " ".into()).is_err());
        assert!(with(|rule| rule.decide_within_minutes = 0).is_err());
        assert!(with(|rule| rule.execute_within_minutes = u32::MAX).is_err());
    }
}
