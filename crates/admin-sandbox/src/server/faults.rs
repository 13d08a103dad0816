use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::call_names;

/// Something that goes wrong on purpose.
///
/// A fault meets every call of its endpoint until it has happened as often as [`times`](Self::times) says.
/// Of several that match, delays add up and the first other one happens.
///
/// The name of the endpoint is one of [`call_names`](crate::call_names), or `*` for all of them. Those that make a fault
/// panic for any other name: such a fault would never happen, and the test would prove nothing. A fault that is read
/// from JSON is refused.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_sandbox::Fault;
///
/// let busy = Fault::status("devices.list", 503).header("retry-after", "2").times(2);
/// let gateway = Fault::raw_body("*", "text/html", "<h1>Bad gateway</h1>").answer_status(502);
/// let lost = Fault::cut_after("sessions.logout_all").skip(1);
/// let slow = Fault::delay("*", Duration::from_millis(50)).on("GET", "/users/*/resources");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form")]
pub struct Fault {
    /// An endpoint's name, or `*`.
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// A path below the app root; `*` stands for any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(flatten)]
    kind: FaultKind,
    /// Calls that go well before it happens.
    skip: u32,
    /// How often it happens; `None` is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// An answer made up in place of the call.
    Status(MadeUp),
    /// A pause before the call.
    Delay { millis: u64 },
    /// A pause after the call took effect and before its answer.
    DelayAnswer { millis: u64 },
    /// The connection breaks before the call has an effect.
    CutBefore,
    /// The call takes effect, then the connection breaks without an answer.
    CutAfter,
    /// The token counts as expired for this call.
    ExpiredToken,
    /// The call takes effect, then the answer breaks off in its body.
    Truncated,
    /// The call answers `{"result": false}` without effect.
    ResultFalse,
}

/// An answer made up by a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MadeUp {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    /// Left out: the error body that goes with the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
}

fn any() -> String {
    "*".to_owned()
}

/// A fault as it is written down: flat, so that a key that belongs nowhere can be told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default = "any")]
    endpoint: String,
    method: Option<String>,
    path: Option<String>,
    #[serde(default)]
    skip: u32,
    times: Option<u32>,
    kind: String,
    millis: Option<u64>,
    status: Option<u16>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
}

impl TryFrom<Form> for Fault {
    type Error = String;

    fn try_from(form: Form) -> Result<Self, String> {
        let kind = form.kind.as_str();
        let others = [
            (
                "millis",
                form.millis.is_some(),
                matches!(kind, "delay" | "delay_answer"),
            ),
            ("status", form.status.is_some(), kind == "status"),
            ("headers", form.headers.is_some(), kind == "status"),
            ("body", form.body.is_some(), kind == "status"),
        ];
        if let Some((field, ..)) = others.iter().find(|(_, given, known)| *given && !known) {
            return Err(format!("a fault of kind {kind} has no field {field}"));
        }
        let missing = |field: &str| format!("a fault of kind {kind} needs the field {field}");
        let millis = || form.millis.ok_or_else(|| missing("millis"));
        let kind = match kind {
            "status" => FaultKind::Status(MadeUp {
                status: form.status.ok_or_else(|| missing("status"))?,
                headers: form.headers.unwrap_or_default(),
                body: form.body,
            }),
            "delay" => FaultKind::Delay { millis: millis()? },
            "delay_answer" => FaultKind::DelayAnswer { millis: millis()? },
            "cut_before" => FaultKind::CutBefore,
            "cut_after" => FaultKind::CutAfter,
            "expired_token" => FaultKind::ExpiredToken,
            "truncated" => FaultKind::Truncated,
            "result_false" => FaultKind::ResultFalse,
            other => return Err(format!("unknown fault kind {other}")),
        };
        check(&form.endpoint)?;
        Ok(Self {
            endpoint: form.endpoint,
            method: form.method,
            path: form.path,
            kind,
            skip: form.skip,
            times: form.times,
        })
    }
}

fn check(endpoint: &str) -> Result<(), String> {
    if endpoint == "*" {
        return Ok(());
    }
    call_names::check(endpoint).map_err(|why| why.to_string())
}

impl Fault {
    /// Answers `status` with the error body that goes with it; the call has no effect.
    #[must_use]
    #[track_caller]
    pub fn status(endpoint: &str, status: u16) -> Self {
        Self::new(
            endpoint,
            FaultKind::Status(MadeUp {
                status,
                headers: BTreeMap::new(),
                body: None,
            }),
        )
    }

    /// Answers 200 with this text in place of the real body; the call has no effect.
    #[must_use]
    #[track_caller]
    pub fn raw_body(endpoint: &str, content_type: &str, body: &str) -> Self {
        let headers = [("content-type".to_owned(), content_type.to_owned())].into();
        Self::new(
            endpoint,
            FaultKind::Status(MadeUp {
                status: 200,
                headers,
                body: Some(body.to_owned()),
            }),
        )
    }

    /// Waits, in real time or until [`Sandbox::release_calls`](crate::Sandbox::release_calls), before the call is looked at.
    #[must_use]
    #[track_caller]
    pub fn delay(endpoint: &str, by: Duration) -> Self {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self::new(endpoint, FaultKind::Delay { millis })
    }

    /// Lets the call take effect and waits, in real time or until
    /// [`Sandbox::release_calls`](crate::Sandbox::release_calls), before it answers.
    #[must_use]
    #[track_caller]
    pub fn delay_answer(endpoint: &str, by: Duration) -> Self {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self::new(endpoint, FaultKind::DelayAnswer { millis })
    }

    /// Breaks the connection before the call has any effect.
    #[must_use]
    #[track_caller]
    pub fn cut_before(endpoint: &str) -> Self {
        Self::new(endpoint, FaultKind::CutBefore)
    }

    /// Lets the call take effect and breaks the connection without an answer.
    #[must_use]
    #[track_caller]
    pub fn cut_after(endpoint: &str) -> Self {
        Self::new(endpoint, FaultKind::CutAfter)
    }

    /// Treats the call's token as expired; the token itself stays good.
    #[must_use]
    #[track_caller]
    pub fn expired_token(endpoint: &str) -> Self {
        Self::new(endpoint, FaultKind::ExpiredToken)
    }

    /// Lets the call take effect and breaks the connection half-way through the answer's body.
    #[must_use]
    #[track_caller]
    pub fn truncated(endpoint: &str) -> Self {
        Self::new(endpoint, FaultKind::Truncated)
    }

    /// Answers 200 with `"data": {"result": false}`; the call has no effect.
    #[must_use]
    #[track_caller]
    pub fn result_false(endpoint: &str) -> Self {
        Self::new(endpoint, FaultKind::ResultFalse)
    }

    /// Stops after `times` calls; without it, the fault stays until cleared.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets the first `calls` calls go well.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Meets only calls of this method and path below the app root, in which `*` stands for any text.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path = Some(path.to_owned());
        self
    }

    /// Adds a header to a made-up answer; other kinds of fault have none.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let FaultKind::Status(answer) = &mut self.kind {
            answer.headers.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Sets the status of a made-up answer; other kinds of fault have none.
    #[must_use]
    pub fn answer_status(mut self, status: u16) -> Self {
        if let FaultKind::Status(answer) = &mut self.kind {
            answer.status = status;
        }
        self
    }

    #[track_caller]
    fn new(endpoint: &str, kind: FaultKind) -> Self {
        check(endpoint).unwrap_or_else(|why| panic!("{why}"));
        Self {
            endpoint: endpoint.to_owned(),
            method: None,
            path: None,
            kind,
            skip: 0,
            times: None,
        }
    }

    fn matches(&self, endpoint: &str, method: &str, path: &str) -> bool {
        (self.endpoint == "*" || self.endpoint == endpoint)
            && self
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|pattern| glob(pattern, path))
    }

    /// Counts a matching call; true if the fault happens on it.
    fn strike(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        match &mut self.times {
            None => true,
            Some(0) => false,
            Some(times) => {
                *times -= 1;
                true
            }
        }
    }
}

/// What faults have in store for one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) kind: Option<FaultKind>,
}

/// The faults that are set.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn all(&self) -> &[Fault] {
        &self.0
    }

    /// Decides what happens to a call, and counts it.
    pub(crate) fn plan(&mut self, endpoint: &str, method: &str, path: &str) -> Plan {
        let mut plan = Plan::default();
        for fault in self
            .0
            .iter_mut()
            .filter(|fault| fault.matches(endpoint, method, path))
        {
            if let FaultKind::Delay { millis } = fault.kind {
                if fault.strike() {
                    plan.delay += Duration::from_millis(millis);
                }
            } else if plan.kind.is_none() && fault.strike() {
                plan.kind = Some(fault.kind.clone());
            }
        }
        self.0.retain(|fault| fault.times != Some(0));
        plan
    }
}

/// Matches a text with a pattern in which `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| glob(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(faults: &mut Faults, calls: usize) -> Vec<bool> {
        (0..calls)
            .map(|_| faults.plan("token", "POST", "/token").kind.is_some())
            .collect()
    }

    #[test]
    fn skip_and_times_are_counted() {
        let mut faults = Faults::default();
        faults.add(Fault::cut_before("token").skip(1).times(2));
        assert_eq!(kinds(&mut faults, 5), [false, true, true, false, false]);
        assert!(faults.all().is_empty());
    }

    #[test]
    fn without_times_it_stays() {
        let mut faults = Faults::default();
        faults.add(Fault::status("*", 503));
        assert_eq!(kinds(&mut faults, 3), [true; 3]);
        faults.clear();
        assert_eq!(kinds(&mut faults, 1), [false]);
    }

    #[test]
    fn delays_add_up_with_one_other_fault() {
        let mut faults = Faults::default();
        let second = Duration::from_secs(1);
        faults.add(Fault::delay("token", second));
        faults.add(Fault::cut_after("token").times(1));
        faults.add(Fault::delay("token", second));
        faults.add(Fault::truncated("token").times(1));
        let plan = faults.plan("token", "POST", "/token");
        assert_eq!(
            plan,
            Plan {
                delay: 2 * second,
                kind: Some(FaultKind::CutAfter)
            }
        );
        assert_eq!(
            faults.plan("token", "POST", "/token").kind,
            Some(FaultKind::Truncated)
        );
    }

    #[test]
    fn calls_are_matched_by_name_method_and_path() {
        let fault = Fault::cut_before("*").on("get", "/users/*/resources");
        assert!(fault.matches("devices.list", "GET", "/users/ann/resources"));
        assert!(!fault.matches("devices.list", "PUT", "/users/ann/resources"));
        assert!(!fault.matches("status.get", "GET", "/users/ann/status"));
        assert!(!Fault::cut_before("token").matches("users.get", "GET", "/users/ann"));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c*", "ac", true),
            ("a*c", "ab", false),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn faults_are_read_from_json() {
        let text = r#"{"endpoint":"devices.list","kind":"status","status":503,
                       "headers":{"retry-after":"2"},"times":2,"skip":1}"#;
        let expected = Fault::status("devices.list", 503)
            .header("retry-after", "2")
            .times(2)
            .skip(1);
        assert_eq!(serde_json::from_str::<Fault>(text).unwrap(), expected);
        let delay: Fault = serde_json::from_str(r#"{"kind":"delay","millis":5}"#).unwrap();
        assert_eq!(delay, Fault::delay("*", Duration::from_millis(5)));
        for fault in [
            Fault::raw_body("token", "text/html", "x").times(1),
            Fault::delay_answer("token", Duration::from_millis(5)),
            Fault::cut_before("token").on("GET", "/x"),
            Fault::cut_after("token"),
            Fault::expired_token("token"),
            Fault::truncated("token"),
            Fault::result_false("token").skip(3),
        ] {
            let text = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&text).unwrap(), fault, "{text}");
        }
    }

    #[test]
    #[should_panic(expected = "the sandbox has no call `device.list`; did you mean `devices.list`?")]
    fn a_fault_that_would_never_happen_cannot_be_made() {
        let _ = Fault::status("device.list", 503);
    }

    #[test]
    fn a_fault_with_a_slip_of_the_pen_is_refused() {
        for text in [
            r#"{"kind":"status","status":503,"time":2}"#,
            r#"{"kind":"cut_before","status":503}"#,
            r#"{"kind":"delay"}"#,
            r#"{"kind":"cut"}"#,
            r#"{"endpoint":"token"}"#,
            r#"{"endpoint":"device.list","kind":"cut_before"}"#,
        ] {
            assert!(serde_json::from_str::<Fault>(text).is_err(), "{text}");
        }
    }
}
