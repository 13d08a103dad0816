//! The last 24 hours: sign-ins, and devices that left, as bars and as a table.

use easemob_admin_remote::api::{GapView, HourFigures, LastDay};
use easemob_admin_words::t;
use jiff::Timestamp;
use maud::{Markup, html};

use crate::icons::Icon;
use crate::numbers::grouped;
use crate::visit::Visit;

/// The width of an hour, and of its bar.
const HOUR: usize = 10;
const BAR: usize = 7;

/// How many gaps are named.
const SHOWN: usize = 5;

pub(super) fn card(visit: &Visit, day: &LastDay) -> Markup {
    let hours = &day.hours;
    html! {
        section.card {
            div.card-h { h2 { (t!("The last 24 hours")) } a.small href=(visit.link(&["logins"])) { (t!("Logins")) } }
            div.card-b.stack {
                (chart(visit, hours, t!("Sign-ins"), ("chart", "f-1"), |hour| hour.sign_ins))
                (chart(visit, hours, t!("Evictions and sign-outs"), ("chart chart--sm", "f-2"), |hour| hour.evictions + hour.sign_outs))
                details.alt {
                    summary { (t!("As a table")) }
                    div.tw role="region" aria-label=(t!("Sign-ins and sign-outs by the hour")) tabindex="0" {
                        table.dense {
                            thead { tr {
                                th scope="col" { (t!("Hour")) }
                                th.num scope="col" { (t!("Sign-ins")) }
                                th.num scope="col" { (t!("Evictions")) }
                                th.num scope="col" { (t!("Sign-outs")) }
                            } }
                            tbody { @for hour in hours {
                                tr {
                                    th scope="row" { (clock(visit, hour.hour)) }
                                    td.num { (grouped(hour.sign_ins)) }
                                    td.num { (grouped(hour.evictions)) }
                                    td.num { (grouped(hour.sign_outs)) }
                                }
                            } }
                        }
                    }
                }
                @if !day.gaps.is_empty() { (gaps(visit, &day.gaps)) }
                @if let Some(at) = day.as_of { p.muted.small-t { (t!("As of the webhooks until {}", visit.clock(at))) } }
                @if day.as_of.is_none() { p.muted.small-t { (t!("No webhooks arrive, so sign-ins of this time are not known.")) } }
            }
        }
    }
}

/// The times of which events may be missing.
fn gaps(visit: &Visit, gaps: &[GapView]) -> Markup {
    html! {
        div.note #gaps {
            (Icon::QUESTION)
            div {
                b { (t!("Times without webhooks: {}", grouped(gaps.len() as u64))) } ". "
                (t!("Sign-ins and sign-outs of this time may be missing"))
                @for gap in gaps.iter().rev().take(SHOWN) {
                    span.sub {
                        @match gap.since { Some(at) => (visit.time(at)), None => "…" }
                        " – "
                        @match gap.until { Some(at) => (visit.time(at)), None => "…" }
                    }
                }
                @if gaps.len() > SHOWN { span.sub { (t!("The newest {} are shown.", SHOWN)) } }
            }
        }
    }
}

fn clock(visit: &Visit, at: Timestamp) -> String {
    at.to_zoned(visit.look.zone.clone()).strftime("%H:%M").to_string()
}

fn chart(
    visit: &Visit,
    hours: &[HourFigures],
    name: &str,
    (size, class): (&str, &str),
    of: impl Fn(&HourFigures) -> u64,
) -> Markup {
    let values: Vec<u64> = hours.iter().map(&of).collect();
    let (sum, top) = (values.iter().sum::<u64>(), top(&values));
    let peak = hours.iter().max_by_key(|hour| of(hour));
    let peak_at = peak.map(|hour| clock(visit, hour.hour)).unwrap_or_default();
    let sentence = t!(
        "{name} by the hour in the last 24 hours: {} in all, most at {peak_at}: {}",
        grouped(sum),
        grouped(peak.map(&of).unwrap_or_default())
    );
    let width = hours.len() * HOUR;
    html! {
        div {
            div.chart-h { h3 { (name) } span.muted { (t!("by the hour · {} in all", grouped(sum))) } }
            div class=(size) {
                div.y aria-hidden="true" { span { (grouped(top)) } span { "0" } }
                svg viewBox={ "0 0 " (width) " 100" } preserveAspectRatio="none" role="img" aria-label=(sentence) {
                    @for y in [0, 50, 100] { line class="s-grid" x1="0" x2=(width) y1=(y) y2=(y) {} }
                    @for (at, value) in values.iter().enumerate() {
                        @let height = value * 100 / top;
                        rect x=(at * HOUR + (HOUR - BAR) / 2) y=(100 - height) width=(BAR) height=(height) class=(class) {}
                    }
                }
                div.x aria-hidden="true" {
                    @for at in [0, 6, 12, 18] { @if let Some(hour) = hours.get(at) { span { (clock(visit, hour.hour)) } } }
                    span { (t!("now")) }
                }
            }
        }
    }
}

/// Returns a round number that no value exceeds.
fn top(values: &[u64]) -> u64 {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let mut step = 1;
    while step * 10 < most {
        step *= 10;
    }
    let rounds = [1, 2, 5, 10].into_iter().map(|times| times * step);
    rounds.into_iter().find(|round| *round >= most).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_of_a_chart_is_round() {
        for (values, wanted) in [
            (&[][..], 1),
            (&[0, 0], 1),
            (&[3], 5),
            (&[10], 10),
            (&[11], 20),
            (&[420], 500),
            (&[5_230], 10_000),
        ] {
            assert_eq!(top(values), wanted, "{values:?}");
        }
    }
}
