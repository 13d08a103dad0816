//! What the service says when it refuses, for the catalogue of translations: it says it in English, and pages translate it.

use easemob_admin_words::told_later;

/// The titles of problems, and what else is shown of most of them.
#[cfg_attr(not(test), expect(dead_code, reason = "the catalogue reads them here"))]
const TITLES: &[&str] = &[
    told_later!("The request cannot be understood"),
    told_later!("The request has a field or filter that does not exist"),
    told_later!("A name could match nobody"),
    told_later!("The selection is empty"),
    told_later!("A reason is required"),
    told_later!("The request has no key, or one that is not valid"),
    told_later!("You were not signed in"),
    told_later!("The key may not do this"),
    told_later!("The key is not for this app"),
    told_later!("There is nothing at this address"),
    told_later!("The service has no such app"),
    told_later!("The app has no such user"),
    told_later!("There is no such run"),
    told_later!("The user is not locked"),
    told_later!("There is no such key"),
    told_later!("Nobody asked for this approval"),
    told_later!("The audit trail has no such entry"),
    told_later!("There is no such schedule"),
    told_later!("Nothing was recorded yet"),
    told_later!("The service has no receiver of notices"),
    told_later!("There is a key with this id already"),
    told_later!("This process does not work on the run"),
    told_later!("The address does not take this method"),
    told_later!("There is a run with this id and other content"),
    told_later!("Another process is at work"),
    told_later!("This cannot be done with the run as it is"),
    told_later!("The run begins only when others have approved it"),
    told_later!("Only a plan can be approved"),
    told_later!("You cannot decide this request"),
    told_later!("The entries are in an archive"),
    told_later!("The body is too large"),
    told_later!("The body is of a type that is not understood"),
    told_later!("The key sends too many requests"),
    told_later!("The server of the app cannot do this"),
    told_later!("A defect of the service, or a fault of its machine"),
    told_later!("The server of the app refused, or its answer cannot be used"),
    told_later!("The identity provider cannot be used at the moment"),
    told_later!("The records cannot be used, so nothing was sent"),
    told_later!("The service is stopping"),
    told_later!("The server of the app did not answer"),
    told_later!("The post is not signed with the secret, or is about another app"),
    told_later!("Nobody sent this call, or it was long ago"),
    told_later!("Nobody asked for this scan"),
    told_later!("There is no such scan"),
    told_later!("There is no such watch"),
    told_later!("There is no such version of the policy"),
    told_later!("There is no such draft, or it has ended"),
    told_later!("Somebody else has kept a newer version"),
];

/// What sign-ins and forms say.
#[expect(dead_code, reason = "the catalogue reads them here")]
const DETAILS: &[&str] = &[
    told_later!("this is not a key of the service"),
    told_later!("the key was revoked"),
    told_later!("the key has expired"),
    told_later!("this is not a code of the service, or it was used or has expired"),
    told_later!("ask an administrator of the service for a new key"),
    told_later!("the service has no such identity provider"),
    told_later!("the identity provider does not answer, or answers what cannot be used"),
    told_later!("try again in a minute, or sign in with a key"),
    told_later!("too many people sign in at once"),
    told_later!("sign in again from this page"),
    told_later!("revoke it if nobody has its secret, and make another one"),
    told_later!("start the service with `--notices URL --notices-secret-file FILE`"),
    told_later!("ask an administrator of the service"),
    told_later!("this sign-in was not begun in this browser, or another one was begun since"),
    told_later!("the answer is of another identity provider"),
    told_later!("the answer of the identity provider cannot be read"),
    told_later!("the identity provider did not let you in"),
    told_later!("the identity provider does not know the code, or it was used or has expired"),
    told_later!("the identity provider is out of order"),
    told_later!("the identity provider does not accept the console: client, secret, redirect URI or scope"),
    told_later!("ask an administrator of the service for a role of one of your groups"),
    told_later!(
        "the clock of the service or of the identity provider is wrong; ask an administrator of the service"
    ),
    told_later!("the identity provider did not ask who you are again, or does not say when it did"),
    told_later!("sign out there, then sign in again; or sign in with a key"),
    told_later!("the token is too long"),
    told_later!("the token cannot be read"),
    told_later!("the token is not signed with EdDSA, ES256 or RS256"),
    told_later!("the service does not accept tokens of this issuer"),
    told_later!("the issuer has no key with this id, or cannot be asked"),
    told_later!("the signature of the token does not hold"),
    told_later!("the token is meant for another service"),
    told_later!("the token has expired"),
    told_later!("the token is not valid yet"),
    told_later!("the token does not say whose it is"),
    told_later!("no group of yours may do anything here"),
    told_later!("the token was given to another client"),
    told_later!("the token belongs to another sign-in"),
    told_later!("the token does not belong to what came with it"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_title_of_the_service_can_be_translated() {
        let mut ours = TITLES.to_vec();
        let mut theirs: Vec<_> = easemob_admin_server::problem_titles().collect();
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs);
        for title in ours {
            assert!(easemob_admin_words::chinese(title).is_some(), "{title}");
        }
    }
}
