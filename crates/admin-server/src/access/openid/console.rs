//! Signs people in to the console, who are sent to their issuer and come back with a code.

use std::fmt;

use easemob_admin_remote::api::Problem;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::client::{ConsoleClient, Shown};
use super::code_flow::{Came, Expected, Secrets, Sent, came};
use super::description::Description;
use super::fetch::Form;
use super::settings::{is_safe, place_of};
use super::verify::{Unsigned, Why};
use super::{Known, OpenId, Person, may};
use crate::access::session::{self, NewSession};
use crate::access::token::Token;
use crate::blocking::blocking;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// An issuer at which people sign in to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its word in addresses.
    pub word: String,
    /// What its button says.
    pub name: String,
    /// The address of the service as browsers see it, if it is configured.
    pub address: Option<String>,
}

/// A browser that is being sent to an issuer.
pub struct Leaving {
    /// What the browser keeps.
    pub secret: String,
    /// Where it goes.
    pub address: String,
}

impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaving").finish_non_exhaustive()
    }
}

/// A browser that came back.
pub struct Back<'b> {
    /// The word of the issuer whose answer it brings.
    pub place: &'b str,
    /// What the browser has kept.
    pub secret: &'b str,
    /// The address to which it came back, without the query.
    pub comes_back_to: &'b str,
    /// The query.
    pub query: &'b str,
    /// Whether it was sent because the person signed in too long ago.
    pub again: bool,
    /// The session that the new one takes the place of, as [`trace_of`](crate::trace_of) tells it.
    pub replaces: Option<&'b str>,
}

impl fmt::Debug for Back<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Back")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// What an issuer answers to whoever brings a code.
#[derive(Deserialize)]
struct Given {
    access_token: String,
    id_token: String,
}

/// Why an issuer gives nothing for a code.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl OpenId {
    /// Returns the issuers at which people sign in to the console.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let place = |known: &Known| {
            let client = known.issuer.console.as_ref()?;
            Some(Place {
                word: place_of(&known.issuer.issuer),
                name: client.name(&known.issuer.issuer),
                address: client
                    .address
                    .as_ref()
                    .map(|address| address.trim_end_matches('/').to_owned()),
            })
        };
        self.issuers.iter().filter_map(place).collect()
    }

    /// Asks each issuer of the console to describe itself, and returns what is wrong with those who cannot be used now.
    pub async fn missing_of_console(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for known in &self.issuers {
            if let Some(client) = &known.issuer.console {
                let issuer = &known.issuer.issuer;
                let described = super::description::describe(&*known.fetch, issuer).await;
                let found = described.and_then(|description| usable(&description, client).map(drop));
                missing.extend(found.err().map(|why| format!("{issuer}: {why}")));
            }
        }
        missing
    }

    fn place(&self, word: &str) -> Option<(&Known, &ConsoleClient)> {
        let known = self
            .issuers
            .iter()
            .find(|known| place_of(&known.issuer.issuer) == word)?;
        Some((known, known.issuer.console.as_ref()?))
    }
}

/// Returns where browsers go, where codes become tokens, and how the client shows who it is there.
fn usable<'d>(
    description: &'d Description,
    client: &ConsoleClient,
) -> Result<(&'d str, &'d str, Shown), String> {
    let safe = |name: &str, address: &'d Option<String>| match address.as_deref() {
        None => Err(format!("it has no {name}")),
        Some(address) if !is_safe(address) => Err(format!("its {name} is no https:// address")),
        Some(address) => Ok(address),
    };
    let shown = client.shown(description.client_methods.as_deref());
    Ok((
        safe("authorization_endpoint", &description.authorization_endpoint)?,
        safe("token_endpoint", &description.token_endpoint)?,
        shown.ok_or(
            "it takes the secret of the client neither by client_secret_basic nor by client_secret_post",
        )?,
    ))
}

fn failed(why: impl Into<String>, hint: &str) -> Refusal {
    Refusal::of(Kind::NotLetIn).detail(why).hint(hint)
}

fn no_such_place() -> Refusal {
    failed("the service has no such identity provider", AGAIN)
}

/// The issuer cannot be used now. Why is for whoever looks after the service.
fn away(issuer: &str, why: &str) -> Refusal {
    tracing::warn!(issuer, why, "nobody can sign in to the console");
    Refusal::of(Kind::IssuerAway)
        .detail("the identity provider does not answer, or answers what cannot be used")
        .hint(LATER)
}

/// What to do next if time helps.
const LATER: &str = "try again in a minute, or sign in with a key";

/// How much of the word for an error is logged.
const LONGEST_WORD: usize = 80;

/// What to do next if it may work then.
const AGAIN: &str = "sign in again from this page";

/// What to do next if it will not work by itself.
const ASK: &str = "ask an administrator of the service";

impl Service {
    /// Returns the issuers at which people sign in to the console.
    #[must_use]
    pub fn places_to_sign_in(&self) -> Vec<Place> {
        self.openid().map(OpenId::places).unwrap_or_default()
    }

    /// Returns where a browser signs somebody in at an issuer. It comes back to `comes_back_to`; if the person is to show `again` who
    /// it is, the issuer is asked to ask.
    ///
    /// # Errors
    /// When there is no such issuer, or it cannot be used now.
    pub async fn send_to_sign_in(
        &self,
        place: &str,
        comes_back_to: &str,
        again: bool,
    ) -> Result<Leaving, Problem> {
        let leaving = self.leaving(place, comes_back_to, again).await;
        leaving.map_err(|refusal| refusal.problem())
    }

    async fn leaving(&self, place: &str, comes_back_to: &str, again: bool) -> Result<Leaving, Refusal> {
        let found = self.openid().and_then(|openid| openid.place(place));
        let (known, client) = found.ok_or_else(no_such_place)?;
        let issuer = &known.issuer.issuer;
        let description = known.described.now(self.now()).await;
        let description = description.map_err(|why| away(issuer, &why))?;
        let (endpoint, _, _) = usable(&description, client).map_err(|why| away(issuer, &why))?;
        let secret = Token::random()?.reveal();
        let sent = Sent {
            authorization_endpoint: endpoint,
            client_id: &client.client_id,
            comes_back_to,
            scope: &client.scope,
            secrets: &Secrets::of(&secret, place),
            again,
        };
        let address = sent.address();
        let address = address.ok_or_else(|| away(issuer, "its authorization_endpoint is no address"))?;
        Ok(Leaving { secret, address })
    }

    /// Signs in whoever came back from an issuer with a code.
    ///
    /// # Errors
    /// When the browser was not sent, the issuer does not let the person in or cannot be used, its token does not hold, no group of
    /// the person has a role, or the session cannot be kept.
    pub async fn sign_in_with_openid(&self, back: Back<'_>) -> Result<NewSession, Problem> {
        let begun = self.came_back(back).await;
        begun.map_err(|refusal| {
            let problem = refusal.problem();
            tracing::warn!(detail = problem.detail, "nobody was signed in to the console");
            problem
        })
    }

    async fn came_back(&self, back: Back<'_>) -> Result<NewSession, Refusal> {
        let found = self.openid().and_then(|openid| openid.place(back.place));
        let (known, client) = found.ok_or_else(no_such_place)?;
        let issuer = &known.issuer.issuer;
        let description = known.described.now(self.now()).await;
        let description = description.map_err(|why| away(issuer, &why))?;
        let secrets = Secrets::of(back.secret, back.place);
        let code = match came(back.query, &secrets, issuer, description.says_issuer) {
            Came::Code(code) => code,
            Came::Refused(error) => return Err(refused(&error)),
            Came::NotSent => {
                let why = "this sign-in was not begun in this browser, or another one was begun since";
                return Err(failed(why, AGAIN));
            }
            Came::OtherIssuer => return Err(failed("the answer is of another identity provider", AGAIN)),
            Came::Unreadable => {
                return Err(failed(
                    "the answer of the identity provider cannot be read",
                    AGAIN,
                ));
            }
        };
        // Whoever makes up an answer makes up what it has to fit, too: codes are asked about at a bounded rate.
        let counted = self.key_rates().count(&format!("sign-ins at {issuer}"));
        counted.map_err(|_| {
            Refusal::of(Kind::TooMany)
                .detail("too many people sign in at once")
                .hint(LATER)
        })?;
        let given = given(known, &description, client, &back, &secrets, &code);
        let given = given.await.map_err(|why| match why {
            NotGiven::Away(why) => away(issuer, &why),
            NotGiven::Refused(error) => refused(&error),
        })?;
        let person = person(known, client, &given, &secrets.nonce, self.now()).await;
        let person = person.map_err(|why| {
            let hint = match why {
                Why::NoRole => "ask an administrator of the service for a role of one of your groups",
                Why::Expired | Why::NotYetValid => {
                    "the clock of the service or of the identity provider is wrong; ask an administrator of the service"
                }
                _ => ASK,
            };
            failed(why.words(), hint)
        })?;
        let hours = i64::from(client.session_hours);
        let this = self.clone();
        let replaces = back.replaces.map(str::to_owned);
        let again = back.again;
        blocking(move || session::begin_for(&this, person, again, hours, replaces.as_deref())).await
    }
}

/// Returns what the error of an issuer means for the person. The word is never shown: whoever made the address chose it.
fn refused(error: &str) -> Refusal {
    let word: String = error.chars().take(LONGEST_WORD).collect();
    tracing::warn!(error = ?word, "an issuer refused to sign somebody in to the console");
    match error {
        "access_denied" | "login_required" | "interaction_required" | "consent_required" => {
            failed("the identity provider did not let you in", AGAIN)
        }
        "invalid_grant" => failed(
            "the identity provider does not know the code, or it was used or has expired",
            AGAIN,
        ),
        "temporarily_unavailable" | "server_error" => failed("the identity provider is out of order", AGAIN),
        _ => failed(
            "the identity provider does not accept the console: client, secret, redirect URI or scope",
            ASK,
        ),
    }
}

/// Why a code became no tokens.
enum NotGiven {
    Away(String),
    /// The word for it.
    Refused(String),
}

/// Returns a form and the value of the header `Authorization`, of which one shows who the client is.
fn form(
    pairs: &[(&str, &str)],
    client: &ConsoleClient,
    shown: Shown,
) -> (SecretString, Option<SecretString>) {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(pairs);
    let authorization = match shown {
        Shown::Header(value) => Some(value),
        Shown::Form(secret) => {
            form.append_pair("client_id", &client.client_id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret.expose_secret());
            }
            None
        }
    };
    (form.finish().into(), authorization)
}

/// Exchanges a code for tokens.
async fn given(
    known: &Known,
    description: &Description,
    client: &ConsoleClient,
    back: &Back<'_>,
    secrets: &Secrets,
    code: &str,
) -> Result<Given, NotGiven> {
    let (_, address, shown) = usable(description, client).map_err(NotGiven::Away)?;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", back.comes_back_to),
        ("code_verifier", &secrets.verifier),
    ];
    let (body, authorization) = form(&pairs, client, shown);
    let asked = known.fetch.post(Form {
        address,
        body: &body,
        authorization: authorization.as_ref(),
    });
    match asked.await.map_err(NotGiven::Away)? {
        (200, body) => serde_json::from_slice(&body).map_err(|_| {
            NotGiven::Away(format!(
                "{address} answered without an access token and an ID token"
            ))
        }),
        (400 | 401, body) => match serde_json::from_slice::<Refused>(&body) {
            Ok(Refused { error }) => Err(NotGiven::Refused(error)),
            Err(_) => Err(NotGiven::Away(format!("{address} refused without a word"))),
        },
        (status, _) => Err(NotGiven::Away(format!("{address} answered {status}"))),
    }
}

/// Finds out who signed in.
async fn person(
    known: &Known,
    client: &ConsoleClient,
    given: &Given,
    nonce: &str,
    now: jiff::Timestamp,
) -> Result<Person, Why> {
    let token = &given.id_token;
    let unsigned = Unsigned::read(token)?;
    if unsigned.issuer != known.issuer.issuer {
        return Err(Why::OtherIssuer);
    }
    let claims = known.verified(token, &unsigned, &client.client_id, now).await?;
    let expected = Expected {
        client_id: &client.client_id,
        nonce,
        access_token: &given.access_token,
    };
    let proved = expected.check(&claims.body, unsigned.algorithm, now)?;
    may(&known.issuer, &claims.name, &claims.groups).ok_or(Why::NoRole)?;
    Ok(Person {
        issuer: known.issuer.issuer.clone(),
        name: claims.name,
        groups: claims.groups,
        proved,
    })
}
