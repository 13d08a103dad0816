//! How far a run is: numbers, a bar, and how long the rest takes.

use easemob_admin_remote::api::{RunState, RunView};
use easemob_admin_words::t;
use jiff::SignedDuration;
use maud::{Markup, html};

use super::pace::Pace;
use crate::numbers::{grouped, users};
use crate::times::lasting;
use crate::visit::Visit;

/// Returns how much of a run is done, rounded down: 100 means that nothing is left.
pub(super) fn percent(run: &RunView) -> u64 {
    (run.users - run.unfinished.min(run.users)) * 100 / run.users.max(1)
}

/// Returns the same for those who hear the page.
pub(super) fn sentence(run: &RunView) -> String {
    let failed = run.failed_retry + run.failed_final;
    t!("{} percent done, {} failed.", percent(run), grouped(failed))
}

pub(super) fn card(visit: &Visit, run: &RunView, pace: &Pace) -> Markup {
    let finished = run.users - run.unfinished.min(run.users);
    html! {
        div.card-b.stack {
            div.prog {
                span.prog-n { (grouped(finished)) " " small { (t!("of {}", users(run.users))) } }
                span.prog-e { (rest(visit, run, pace)) }
            }
            (bar(run))
            (key(run))
        }
        dl.figs."figs--line" {
            div.fig {
                dt { (t!("Devices signed out")) }
                dd {
                    (grouped(run.devices))
                    span.d { @match run.max_logouts { Some(most) => (t!("at most {}", grouped(most))), None => (t!("no cap")) } }
                }
            }
            div.fig {
                dt { (t!("Rate now")) }
                dd {
                    @match pace.per_second() {
                        Some(pace) if run.state == RunState::Running => { (format!("{pace:.1}")) span.d { (t!("users a second, seen from here")) } },
                        _ if run.state == RunState::Running => { "–" span.d { (t!("is being measured")) } },
                        _ => { "–" span.d { (t!("nobody is working on it")) } },
                    }
                }
            }
            div.fig {
                dt { (t!("Elapsed")) }
                dd {
                    (lasting(elapsed(visit, run)))
                    span.d { (t!("since {}", visit.clock(run.created))) }
                }
            }
        }
    }
}

fn elapsed(visit: &Visit, run: &RunView) -> u64 {
    let until = run.ended.unwrap_or(visit.now);
    u64::try_from(until.duration_since(run.created).as_secs()).unwrap_or(0)
}

/// How long the rest takes, or why there is none.
fn rest(visit: &Visit, run: &RunView, pace: &Pace) -> Markup {
    html! {
        @match run.state {
            RunState::Running => {
                @if let Some(seconds) = pace.seconds_for(run.unfinished) {
                    @let done = visit.now + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0).min(31_536_000));
                    (t!("about ")) b { (lasting(seconds)) } (t!(" left, done at {}", visit.clock(done)))
                } @else { (t!("{} left", users(run.unfinished))) }
            },
            RunState::Done => @if let Some(ended) = run.ended { (t!("ended {}", visit.clock(ended))) },
            RunState::Waiting => (t!("waits for a worker")),
            RunState::Paused => (t!("{} left, paused", users(run.unfinished))),
            RunState::Stopped => (t!("{} given up", users(run.unfinished))),
            RunState::WaitingForApproval => (t!("nothing was sent yet")),
            RunState::Unfinished => (t!("{} left", users(run.unfinished))),
        }
    }
}

/// A part of the bar: how many, and its colour.
struct Part {
    count: u64,
    class: &'static str,
    name: &'static str,
}

fn parts(run: &RunView) -> [Part; 3] {
    [
        Part {
            count: run.done,
            class: "f-1",
            name: t!("Done"),
        },
        Part {
            count: run.nothing_to_do,
            class: "f-2",
            name: t!("Nothing to do"),
        },
        Part {
            count: run.failed_retry + run.failed_final,
            class: "f-4",
            name: t!("Failed"),
        },
    ]
}

fn bar(run: &RunView) -> Markup {
    let said: Vec<String> = parts(run)
        .iter()
        .map(|part| format!("{} {}", part.name, grouped(part.count)))
        .collect();
    let label = t!(
        "{} percent: {}, not finished {}",
        percent(run),
        said.join(", "),
        grouped(run.unfinished)
    );
    let mut before = 0;
    html! {
        svg.bar."bar--lg" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=(label) {
            @for part in parts(run) {
                @if part.count > 0 {
                    rect x=(share(before, run.users)) width=(share(part.count, run.users)) height="6" class=(part.class) {}
                }
                @let () = { before += part.count; };
            }
        }
    }
}

/// Returns a share of 100 with three digits behind the point.
fn share(part: u64, whole: u64) -> String {
    let thousandths = u128::from(part) * 100_000 / u128::from(whole.max(1));
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

fn key(run: &RunView) -> Markup {
    html! {
        div.key {
            @for part in parts(run) {
                span { svg viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" class=(part.class) {} } (part.name) " " b { (grouped(part.count)) } }
            }
            span {
                svg viewBox="0 0 10 10" aria-hidden="true" { rect x=".5" y=".5" width="9" height="9" class="key-o" {} }
                (t!("Not finished")) " " b { (grouped(run.unfinished)) }
            }
        }
    }
}

/// How fast it went lately.
pub(super) fn chart(visit: &Visit, pace: &Pace) -> Markup {
    let steps = pace.steps();
    let most = steps.iter().map(|(_, pace)| *pace).fold(1.0_f64, f64::max).ceil();
    let shown = &steps[steps.len().saturating_sub(30)..];
    let first = shown.first().map(|(first, _)| *first);
    let said = match first {
        Some(first) => {
            let now = shown.last().map_or(0.0, |(_, pace)| *pace);
            t!(
                "Users a second since {}: at most {most:.1}, now {:.1}",
                visit.clock(first),
                now
            )
        }
        None => t!("Measured while this page is open and the run goes on.").to_owned(),
    };
    html! {
        // As high with figures as without, so that nothing moves when they come.
        div.chart {
            div.y aria-hidden="true" { span { (format!("{most:.0}")) } span { "0" } }
            svg viewBox="0 0 300 100" preserveAspectRatio="none" role="img" aria-label=(said) {
                line.s-grid x1="0" x2="300" y1="0" y2="0" {}
                line.s-grid x1="0" x2="300" y1="50" y2="50" {}
                line.s-grid x1="0" x2="300" y1="100" y2="100" {}
                @for (at, (_, pace)) in shown.iter().enumerate() {
                    @let height = pace * 100.0 / most;
                    rect x=(format!("{}.5", at * 10 + 1)) y=(format!("{:.1}", 100.0 - height)) width="7" height=(format!("{height:.1}")) class="f-1" {}
                }
            }
            div.x { span { (first.map_or_else(|| "–".to_owned(), |first| visit.clock(first))) } span { (t!("now")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact_for_any_number() {
        assert_eq!(share(2301, 3972), "57.930");
        assert_eq!(share(0, 0), "0.000");
        assert_eq!(share(u64::MAX, u64::MAX), "100.000");
    }
}
