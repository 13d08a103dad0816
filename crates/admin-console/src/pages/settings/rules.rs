//! Rules of approval: which acts wait until others agree.

use axum::http::Method;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::{ApprovalRule, ApprovalRules, Need, Scope, Verb};
use easemob_admin_words::t;
use maud::{Markup, html};

use super::{Part, head};
use crate::fields::Fields;
use crate::frame::form_secret;
use crate::fresh;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::visit::{Facts, Visit};

/// How many groups the form for a new rule can name.
const GROUPS: usize = 3;

pub(crate) async fn list(visit: Visit) -> Result<Page, Trouble> {
    let rules: ApprovalRules = visit.api.get(&["approval-rules"], &[]).await?;
    Ok(visit.page(Nav::Settings, || {
        let main = html! {
            (head(&visit, Part::Rules))
            div.cols {
                section.card {
                    div.card-h { h2 { (t!("Acts that need approval")) } }
                    @if rules.rules.is_empty() {
                        div.state {
                            (Icon::APPROVALS)
                            h3 { (t!("No rules yet")) }
                            p { (t!("Nobody has to agree to anything. Each act still needs its scope.")) }
                        }
                    } @else {
                        div.tw role="region" aria-label=(t!("Acts that need approval")) tabindex="0" {
                            table.cards {
                                thead { tr {
                                    th scope="col" { (t!("Acts")) }
                                    th.num scope="col" { (t!("Over users in a day")) }
                                    th scope="col" { (t!("Who agrees")) }
                                    th scope="col" { (t!("Time")) }
                                    th scope="col" { span.vh { (t!("Act")) } }
                                } }
                                tbody { @for rule in &rules.rules { (row(&visit, rule)) } }
                            }
                        }
                    }
                }
                @if visit.may(Scope::Admin) { (new_rule(&visit)) }
            }
        };
        (t!("Rules of approval").to_owned(), main)
    }))
}

/// Adds the rule that a form describes.
pub(crate) async fn add(visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    fresh::require(&visit)?;
    let mut rules: ApprovalRules = visit.api.get(&["approval-rules"], &[]).await?;
    let number = |name: &str| fields.one(name).parse().unwrap_or(0);
    let verbs = Verb::ALL.into_iter();
    let groups = fields.all("group").zip(fields.all("count"));
    rules.rules.push(ApprovalRule {
        verbs: verbs
            .filter(|verb| fields.all("verb").any(|word| word == verb.as_str()))
            .collect(),
        over_users: fields.one("over").parse().unwrap_or(0),
        needs: groups
            .filter(|(group, _)| !group.is_empty())
            .map(|(group, count)| Need {
                group: group.to_owned(),
                count: count.parse().unwrap_or(0),
            })
            .collect(),
        decide_within_minutes: number("decide"),
        execute_within_minutes: number("execute"),
    });
    replace(&visit, &rules).await
}

/// Removes a rule, which the form repeats: another one may have been removed since the page was made.
pub(crate) async fn remove(visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    fresh::require(&visit)?;
    let mut rules: ApprovalRules = visit.api.get(&["approval-rules"], &[]).await?;
    if let Ok(gone) = serde_json::from_str::<ApprovalRule>(fields.one("rule"))
        && let Some(at) = rules.rules.iter().position(|rule| *rule == gone)
    {
        rules.rules.remove(at);
        return replace(&visit, &rules).await;
    }
    Ok(Redirect::to(&visit.link(&["settings", "rules"])).into_response())
}

async fn replace(visit: &Facts, rules: &ApprovalRules) -> Result<Response, Trouble> {
    let _: ApprovalRules = visit.api.send(Method::PUT, &["approval-rules"], rules).await?;
    Ok(Redirect::to(&visit.link(&["settings", "rules"])).into_response())
}

/// Returns what a verb is called.
fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::Logout => t!("sign out"),
        Verb::Lock => t!("lock"),
        Verb::Ban => t!("ban"),
        Verb::Unban => t!("lift bans and locks"),
        Verb::SetLimits => t!("set limits"),
        Verb::Register => t!("register users"),
        Verb::SetPassword => t!("set passwords"),
        Verb::Delete => t!("delete users"),
        Verb::Settings => t!("change settings of users"),
    }
}

fn row(visit: &Facts, rule: &ApprovalRule) -> Markup {
    let repeated = serde_json::to_string(rule).unwrap_or_default();
    html! {
        tr {
            th.c-lead scope="row" {
                @for (at, verb) in rule.verbs.iter().enumerate() { @if at > 0 { ", " } (verb_word(*verb)) }
            }
            td.num data-label=(t!("Over users in a day")) { (grouped(rule.over_users)) }
            td data-label=(t!("Who agrees")) {
                @for need in &rule.needs {
                    span.nowrap {
                        (need.count) " × "
                        @if need.group == "*" { (t!("anybody who may approve")) } @else { bdi { (need.group) } }
                    } " "
                }
            }
            td data-label=(t!("Time")) {
                (t!("{} min to decide", grouped(u64::from(rule.decide_within_minutes))))
                span.sub { (t!("{} min to carry out", grouped(u64::from(rule.execute_within_minutes)))) }
            }
            td.trow-end.c-end {
                @if visit.may(Scope::Admin) {
                    details.more {
                        summary { span.btn."btn--sm" { (t!("Remove…")) } }
                        form.inline-q method="post" action=(visit.link(&["settings", "rules", "remove"])) {
                            (form_secret(visit))
                            input type="hidden" name="rule" value=(repeated);
                            span { (t!("Such acts begin without anybody else then.")) }
                            div.acts {
                                button.btn."btn--sm" disabled[!visit.signed_in.is_fresh()] { (t!("Remove the rule")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn new_rule(visit: &Facts) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("New rule")) } }
            form.card-b.stack method="post" action=(visit.link(&["settings", "rules"])) {
                (form_secret(visit))
                (fresh::note(visit))
                fieldset {
                    legend { (t!("Acts")) }
                    div.opts {
                        @for verb in Verb::ALL {
                            label.opt { input type="checkbox" name="verb" value=(verb.as_str()); (verb_word(verb)) }
                        }
                    }
                }
                div.field {
                    label for="over" { (t!("Over how many users in a day")) }
                    input #over name="over" type="number" min="0" value="20" required;
                    p.hint { (t!("What one person did without approval within a day counts together, over runs and single calls.")) }
                }
                fieldset {
                    legend { (t!("Who agrees")) }
                    @for at in 0..GROUPS {
                        div.grid2 {
                            div.field {
                                label for={ "group-" (at) } { (t!("Group")) }
                                input #{ "group-" (at) } name="group" type="text" value=[(at == 0).then_some("*")] autocomplete="off";
                            }
                            div.field {
                                label for={ "count-" (at) } { (t!("People")) }
                                input #{ "count-" (at) } name="count" type="number" min="1" max="20" value="1";
                            }
                        }
                    }
                    p.hint { (t!("* is anybody who may approve. All groups must agree; who asks never counts.")) }
                }
                div.grid2 {
                    div.field {
                        label for="decide" { (t!("Minutes to decide")) }
                        input #decide name="decide" type="number" min="1" max="43200" value="1440" required;
                    }
                    div.field {
                        label for="execute" { (t!("Minutes to carry out")) }
                        input #execute name="execute" type="number" min="1" max="43200" value="240" required;
                    }
                }
                div { button.btn."btn--go" disabled[!visit.signed_in.is_fresh()] { (t!("Add the rule")) } }
            }
        }
    }
}
