//! Says before a command how many calls it will make and how long they take.

use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::status_first::SHORT_LIST;
use easemob_admin_words::t;

use crate::amounts::{about, grouped};
use crate::context::{Context, Session};

/// Says how many calls a command over `users` will make, unless they take only seconds.
pub fn say(context: &Context, session: &Session, users: u64, forecast: Forecast) {
    if users > SHORT_LIST {
        context.ui.note(sentence(session, forecast));
    }
}

/// Says how many calls an act on `users` makes, or would make if the command is a dry run.
pub fn say_of_act(context: &Context, session: &Session, users: u64, forecast: Forecast, dry_run: bool) {
    if users > SHORT_LIST && dry_run {
        context
            .ui
            .note(t!("without --dry-run: {}", sentence(session, forecast)));
    } else {
        say(context, session, users, forecast);
    }
}

fn sentence(session: &Session, forecast: Forecast) -> String {
    let budget = session.budget;
    // The sandbox has no other clients.
    let whole = budget.share == 100 && !session.is_sandbox();
    text(forecast, budget.rate.calls_per_second(), whole)
}

/// Returns the sentence; `whole` says whether the calls use all that the app may send.
fn text(forecast: Forecast, rate: Option<u32>, whole: bool) -> String {
    let Forecast { fewest, most } = forecast;
    let calls = if fewest == most {
        t!("{} calls", grouped(most))
    } else {
        t!(
            "{} to {} calls, depending on how many users are online",
            grouped(fewest),
            grouped(most)
        )
    };
    let Some(rate) = rate else {
        return calls;
    };
    let (least, longest) = forecast.duration(rate);
    let (least, longest) = (about(least), about(longest));
    let time = if least == longest {
        t!("about {longest}")
    } else {
        t!("about {least} to {longest}")
    };
    let budget = if whole {
        t!(
            "; they use the whole budget of the app, which its own backend shares (--share 50%, or `share` in the profile, \
         leaves half of it)"
        )
    } else {
        ""
    };
    t!("{calls}: {time} at {rate}/s{budget}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_costs_is_said_in_a_sentence() {
        let many = Forecast {
            fewest: 15_000,
            most: 2_010_000,
        };
        assert_eq!(
            text(many, Some(100), true),
            "15,000 to 2,010,000 calls, depending on how many users are online: about 3 min to 5 h 35 min at 100/s; they use \
             the whole budget of the app, which its own backend shares (--share 50%, or `share` in the profile, leaves half \
             of it)"
        );
        assert_eq!(
            text(Forecast::exactly(600), Some(50), false),
            "600 calls: about 12 s at 50/s"
        );
        assert_eq!(text(Forecast::exactly(1_234_567), None, true), "1,234,567 calls");
    }
}
