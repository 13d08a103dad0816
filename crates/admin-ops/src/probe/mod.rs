//! Finds out what a server does where the vendor's pages are silent or contradict each other.
//!
//! A probe creates throw-away users, asks one question after the other, and deletes the users. A `judge` function in the
//! file of each question turns raw answers into a finding; calls, clock and devices are passed in.

pub mod calls;
pub mod capabilities;
pub mod cleaning;
pub mod devices;
pub mod obeyed;
mod questions;
#[cfg(test)]
mod tests;
pub mod throw_away;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use easemob_admin_api::transport::clock::Clock;
use futures_util::future::{Either, select};
use tokio::time::Instant;

use self::calls::{Answer, Call, NoAnswer, Pace, ProbeCalls};
use self::capabilities::Answers;
use self::devices::Devices;
use self::throw_away::ThrowAway;

/// How many throw-away users a probe needs.
pub const USERS: usize = 3;

/// The most users of an app that is probed without being told to.
pub const MOST_APP_USERS: u64 = 1_000;

/// How long a question may take, besides the time that a person needs to sign in.
pub const LONGEST: Duration = Duration::from_secs(115);

/// The time between two calls: a probe stays far below every documented limit, except in a burst.
const BETWEEN_CALLS: Duration = Duration::from_millis(60);

/// How long to wait after a refusal for too many calls, if the server does not say.
const AFTER_REFUSAL: Duration = Duration::from_millis(1_100);

/// How long to wait at most, whatever the server says.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How often a call is sent that is refused because of the rate.
const ATTEMPTS: u32 = 5;

/// What a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// What statuses of many users say about a name that does not exist.
    BatchStatus,
    /// The largest body.
    LargestBody,
    /// Which methods log out one device.
    LogoutVerbs,
    /// The answer to a logout of a device that is not online.
    LogoutUnknownDevice,
    /// The answer to a logout of a user who has no device.
    LogoutOffline,
    /// The answer to a logout of a user who does not exist.
    LogoutUnknownUser,
    /// The cursor of the last page of a listing.
    LastPage,
    /// How long the status takes to show a sign-in.
    SignInLag,
    /// The order of device lists.
    DeviceOrder,
    /// Whether the logout of one device ends it.
    SingleLogout,
    /// How long the status takes to show a sign-out.
    SignOutLag,
    /// What happens above the rate limit.
    RateLimit,
}

impl Question {
    /// All questions, in the order in which they are asked: the burst comes last, since it may slow down what follows.
    pub const ALL: [Self; 12] = [
        Self::BatchStatus,
        Self::LargestBody,
        Self::LogoutVerbs,
        Self::LogoutUnknownDevice,
        Self::LogoutOffline,
        Self::LogoutUnknownUser,
        Self::LastPage,
        Self::SignInLag,
        Self::DeviceOrder,
        Self::SingleLogout,
        Self::SignOutLag,
        Self::RateLimit,
    ];

    /// Returns the name of its field in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BatchStatus => "batch_status",
            Self::LargestBody => "largest_body",
            Self::LogoutVerbs => "logout_verbs",
            Self::LogoutUnknownDevice => "logout_unknown_device",
            Self::LogoutOffline => "logout_offline",
            Self::LogoutUnknownUser => "logout_unknown_user",
            Self::LastPage => "last_page",
            Self::SignInLag => "sign_in_lag",
            Self::DeviceOrder => "device_order",
            Self::SingleLogout => "single_logout_ends",
            Self::SignOutLag => "sign_out_lag",
            Self::RateLimit => "rate_limit",
        }
    }

    /// Returns the answer in words, if there is one.
    #[must_use]
    pub fn answer(self, answers: &Answers) -> Option<String> {
        let text = |answer: Option<&dyn std::fmt::Display>| answer.map(ToString::to_string);
        macro_rules! of {
            ($field:ident) => {
                text(
                    answers
                        .$field
                        .as_ref()
                        .map(|answer| answer as &dyn std::fmt::Display),
                )
            };
        }
        match self {
            Self::BatchStatus => of!(batch_status),
            Self::LargestBody => of!(largest_body),
            Self::LogoutVerbs => of!(logout_verbs),
            Self::LogoutUnknownDevice => of!(logout_unknown_device),
            Self::LogoutOffline => of!(logout_offline),
            Self::LogoutUnknownUser => of!(logout_unknown_user),
            Self::LastPage => of!(last_page),
            Self::SignInLag => of!(sign_in_lag),
            Self::DeviceOrder => of!(device_order),
            Self::SingleLogout => {
                let words = |ends| {
                    if ends {
                        "the device ends"
                    } else {
                        "the device stays"
                    }
                };
                answers.single_logout_ends.map(|ends| words(ends).to_owned())
            }
            Self::SignOutLag => of!(sign_out_lag),
            Self::RateLimit => of!(rate_limit),
        }
    }
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The question.
    pub question: Question,
    /// The answer in words, if there is one.
    pub answer: Option<String>,
    /// What the answer rests on, or why there is none.
    pub basis: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unanswered(String);

impl Unanswered {
    fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// The server answered something that answers nothing.
    fn by(call: &str, answer: &Answer) -> Self {
        Self(format!("the answer to {call} was {}", answer.words()))
    }
}

impl From<NoAnswer> for Unanswered {
    fn from(error: NoAnswer) -> Self {
        Self(error.0)
    }
}

/// A probe of one server.
#[derive(Debug)]
pub struct Probe<'a, C, D> {
    calls: &'a C,
    clock: &'a dyn Clock,
    devices: D,
    users: &'a [ThrowAway],
    /// A name that belongs to nobody.
    nobody: &'a str,
    /// How many users the app has, if it was counted to the end.
    app_users: Option<u64>,
    answers: Answers,
    last_call: Option<Instant>,
    /// The devices in the order in which they appeared.
    signed_in: Vec<String>,
}

impl<'a, C: ProbeCalls, D: Devices> Probe<'a, C, D> {
    /// Prepares a probe with [`USERS`] users who are registered; `app_users` counts them too.
    #[must_use]
    pub fn new(
        calls: &'a C,
        clock: &'a dyn Clock,
        devices: D,
        users: &'a [ThrowAway],
        nobody: &'a str,
        app_users: Option<u64>,
    ) -> Self {
        Self {
            calls,
            clock,
            devices,
            users,
            nobody,
            app_users,
            answers: Answers::default(),
            last_call: None,
            signed_in: Vec::new(),
        }
    }

    /// Returns the answers so far.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Asks one question.
    pub async fn ask(&mut self, question: Question) -> Asked {
        let began = self.clock.now();
        let clock = self.clock;
        let hands = match question {
            Question::SignInLag | Question::DeviceOrder | Question::SignOutLag => self.devices.patience(),
            _ => Duration::ZERO,
        };
        let end = began + LONGEST + hands;
        let told = within(clock, end, self.find_out(question)).await;
        let basis = match told {
            Some(Ok(basis) | Err(Unanswered(basis))) => basis,
            None => format!("it took more than {} s", LONGEST.as_secs()),
        };
        Asked {
            question,
            answer: question.answer(&self.answers),
            basis,
            elapsed: clock.now().saturating_duration_since(began),
        }
    }

    async fn find_out(&mut self, question: Question) -> Result<String, Unanswered> {
        match question {
            Question::BatchStatus => self.batch_status().await,
            Question::LargestBody => self.largest_body().await,
            Question::LogoutVerbs => self.logout_verbs().await,
            Question::LogoutUnknownDevice => self.logout_unknown_device().await,
            Question::LogoutOffline => self.logout_offline().await,
            Question::LogoutUnknownUser => self.logout_unknown_user().await,
            Question::LastPage => self.last_page().await,
            Question::SignInLag => self.sign_in_lag().await,
            Question::DeviceOrder => self.device_order().await,
            Question::SingleLogout => self.single_logout().await,
            Question::SignOutLag => self.sign_out_lag().await,
            Question::RateLimit => self.rate_limit().await,
        }
    }

    /// The user who never has a device.
    fn offline(&self) -> String {
        self.users
            .first()
            .map_or_else(String::new, |user| user.name.clone())
    }

    /// The user whose devices sign in.
    fn online(&self) -> Result<ThrowAway, Unanswered> {
        let user = self.users.get(1).cloned();
        user.ok_or_else(|| Unanswered::because("no user was created"))
    }

    /// Sends a call after a pause, and again when there were too many calls.
    async fn send(&mut self, call: &Call) -> Result<Answer, Unanswered> {
        for _ in 1..ATTEMPTS {
            let answer = self.send_once(call).await?;
            if !answer.is_rate_limit() {
                return Ok(answer);
            }
            self.pause_after(&answer).await;
        }
        self.send_once(call).await
    }

    async fn send_once(&mut self, call: &Call) -> Result<Answer, Unanswered> {
        if let Some(last) = self.last_call {
            self.clock.sleep_until(last + BETWEEN_CALLS).await;
        }
        let sent = self.calls.send(call, Pace::Calm).await;
        self.last_call = Some(self.clock.now());
        Ok(sent?)
    }

    /// Waits as long as a refusal asks for.
    async fn pause_after(&self, answer: &Answer) {
        let asked = answer.retry_after.map_or(AFTER_REFUSAL, Duration::from_secs);
        self.sleep(asked.clamp(AFTER_REFUSAL, LONGEST_WAIT)).await;
    }

    async fn sleep(&self, time: Duration) {
        self.clock.sleep_until(self.clock.now() + time).await;
    }
}

/// Waits for something until a time; `None` if it did not come.
async fn within<T>(clock: &dyn Clock, end: Instant, awaited: impl Future<Output = T>) -> Option<T> {
    match select(pin!(awaited), clock.sleep_until(end)).await {
        Either::Left((came, _)) => Some(came),
        Either::Right(_) => None,
    }
}
