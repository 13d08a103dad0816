//! Binds each secret to its origin: target and credentials come from the same layer.
//!
//! Either a profile provides both, or flags and environment do. A server given by a flag never receives the
//! secret of a profile, and a secret left over in the environment never reaches the server of a profile.

use easemob_admin_api::{AppKey, AppRoot};
use easemob_admin_words::t;

use super::environment::Environment;
use super::profile::{CredentialsFrom, Profile};

/// The variable that allows plain http to other machines.
pub const ALLOW_PLAIN_HTTP: &str = "EASEMOB_ALLOW_PLAIN_HTTP";

/// The layer that credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// `EASEMOB_TOKEN`, `EASEMOB_CLIENT_ID` and `EASEMOB_CLIENT_SECRET`.
    Environment,
    /// The profile.
    Profile,
}

/// Why a target must not receive credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTrusted {
    /// The profile has a server, and the target is another one.
    #[error("{}", t!("{origin} is not a server of profile `{profile}`, so it does not receive that profile's credentials"))]
    OtherOrigin {
        /// Scheme, host and port of the target.
        origin: String,
        /// The name of the profile.
        profile: String,
    },
    /// An entry of `origins` is malformed.
    #[error("{}", t!("profile `{profile}` lists the origin `{origin}`, which is not https://HOST or https://HOST:PORT"))]
    Malformed {
        /// The entry.
        origin: String,
        /// The name of the profile.
        profile: String,
    },
    /// The environment names another server than the run.
    #[error("{}", t!("the run belongs to {run}, but {variable} names another server, so no credentials from the environment are sent"))]
    OtherRun {
        /// Scheme, host and port of the run's server.
        run: String,
        /// The variable.
        variable: &'static str,
    },
    /// The secret could be read on the network.
    #[error("{}", t!("{0} is not on this machine and uses plain http: credentials could be read on the network", _0))]
    PlainHttp(String),
}

/// Decides where the credentials for `root` come from; `profile` is the profile that contributes to the
/// target.
///
/// # Errors
/// When the target is not one of the profile's origins.
pub fn layer(root: &AppRoot, profile: Option<(&str, &Profile)>) -> Result<Layer, NotTrusted> {
    let Some((name, profile)) = profile else {
        return Ok(Layer::Environment);
    };
    let mut own: Vec<String> = of_target(profile).into_iter().collect();
    for written in profile.origins.iter().flatten() {
        own.push(of_server(written).ok_or_else(|| NotTrusted::Malformed {
            origin: written.clone(),
            profile: name.to_owned(),
        })?);
    }
    if !own.contains(&root.origin()) {
        return Err(NotTrusted::OtherOrigin {
            origin: root.origin(),
            profile: name.to_owned(),
        });
    }
    Ok(match profile.credentials {
        Some(CredentialsFrom::Environment) => Layer::Environment,
        None => Layer::Profile,
    })
}

/// Refuses to resume a run that was made without a profile while the environment names another server,
/// because its credentials belong to that server.
///
/// An environment that names no server is assumed to belong to the run, whose target came from flags.
///
/// # Errors
/// When a variable names a server with another origin, or one that cannot be parsed.
pub fn of_run(run: &AppRoot, environment: &Environment) -> Result<(), NotTrusted> {
    let origins = [
        ("EASEMOB_SERVER", environment.get("EASEMOB_SERVER").map(of_server)),
        (
            "EASEMOB_APP_ROOT",
            environment
                .get("EASEMOB_APP_ROOT")
                .map(|root| Some(AppRoot::parse(root).ok()?.origin())),
        ),
    ];
    for (variable, named) in origins {
        if named.is_some_and(|origin| origin != Some(run.origin())) {
            return Err(NotTrusted::OtherRun {
                run: run.origin(),
                variable,
            });
        }
    }
    Ok(())
}

/// Refuses plain http to another machine, unless the profile or the environment allows it.
///
/// # Errors
/// When it is not allowed.
pub fn plain_http(
    root: &AppRoot,
    environment: &Environment,
    profile: Option<&Profile>,
) -> Result<(), NotTrusted> {
    let permitted = environment.get(ALLOW_PLAIN_HTTP) == Some("1")
        || profile.is_some_and(|profile| profile.allow_plain_http == Some(true));
    if root.origin().starts_with("https://") || root.is_loopback() || permitted {
        Ok(())
    } else {
        Err(NotTrusted::PlainHttp(root.origin()))
    }
}

/// Returns the origin of the server that a profile names, if it can be parsed.
fn of_target(profile: &Profile) -> Option<String> {
    match (&profile.app_root, &profile.server) {
        (Some(root), _) => Some(AppRoot::parse(root).ok()?.origin()),
        (None, Some(server)) => of_server(server),
        (None, None) => None,
    }
}

/// Parses `https://HOST`; a path after it does not matter.
fn of_server(server: &str) -> Option<String> {
    let any = AppKey::parse("org#app").ok()?;
    Some(AppRoot::new(server, &any).ok()?.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str) -> Profile {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn only_the_origins_of_a_profile_receive_its_credentials() {
        let own = "server = \"https://a1.easemob.com\"\napp = \"o#a\"\n";
        let more =
            format!("{own}origins = [\"https://a2.easemob.com\", \"https://a3.easemob.com:8443/x\"]\n");
        let root = "app_root = \"https://a41.chat.agora.io/app-id/1\"\n";
        for (file, target, trusted) in [
            (own, "https://a1.easemob.com/o/a", true),
            (own, "https://A1.Easemob.COM:443/other/app", true),
            (own, "https://a1.easemob.com:8443/o/a", false),
            (own, "http://a1.easemob.com/o/a", false),
            (own, "https://a1.easemob.com.evil.example/o/a", false),
            (own, "https://evil.example/o/a", false),
            (own, "http://127.0.0.1:8080/o/a", false),
            (&more, "https://a2.easemob.com/o/a", true),
            (&more, "https://a3.easemob.com:8443/o/a", true),
            (&more, "https://a3.easemob.com/o/a", false),
            (root, "https://a41.chat.agora.io/app-id/2", true),
            (root, "https://a41.chat.agora.io.example/app-id/1", false),
            // A profile that names no server has no origin of its own.
            ("app = \"o#a\"\n", "https://a1.easemob.com/o/a", false),
            (
                "app = \"o#a\"\norigins = [\"https://a1.easemob.com\"]\n",
                "https://a1.easemob.com/o/a",
                true,
            ),
        ] {
            let decided = layer(&AppRoot::parse(target).unwrap(), Some(("prod", &profile(file))));
            let expected = if trusted {
                Ok(Layer::Profile)
            } else {
                decided.clone()
            };
            assert_eq!(decided, expected, "{target} by {file}");
            assert_eq!(decided.is_ok(), trusted, "{target} by {file}");
        }
    }

    #[test]
    fn the_environment_serves_its_own_target_and_profiles_that_ask_for_it() {
        let root = AppRoot::parse("https://a1.easemob.com/o/a").unwrap();
        assert_eq!(layer(&root, None), Ok(Layer::Environment));
        let asks = profile("server = \"https://a1.easemob.com\"\ncredentials = \"environment\"\n");
        assert_eq!(layer(&root, Some(("ci", &asks))), Ok(Layer::Environment));
        let elsewhere = AppRoot::parse("https://evil.example/o/a").unwrap();
        assert!(layer(&elsewhere, Some(("ci", &asks))).is_err());
        let wrong = profile("server = \"https://a1.easemob.com\"\norigins = [\"a2.easemob.com\"]\n");
        assert!(matches!(
            layer(&root, Some(("prod", &wrong))),
            Err(NotTrusted::Malformed { .. })
        ));
    }

    #[test]
    fn a_run_gets_the_credentials_of_its_own_server_only() {
        let run = AppRoot::parse("https://a1.easemob.com/o/a").unwrap();
        let (server, root) = ("EASEMOB_SERVER", "EASEMOB_APP_ROOT");
        for (variables, trusted) in [
            (&[][..], true),
            (&[("EASEMOB_APP", "o#b")], true),
            (&[(server, "https://a1.easemob.com")], true),
            (&[(server, "https://A1.Easemob.com:443/")], true),
            (&[(root, "https://a1.easemob.com/o/b")], true),
            (&[(server, "https://staging.example")], false),
            (&[(server, "http://a1.easemob.com")], false),
            (&[(server, "https://a1.easemob.com:8443")], false),
            (&[(server, "no server")], false),
            (&[(root, "https://staging.example/o/a")], false),
            (&[(root, "https://a1.easemob.com")], false),
            (
                &[
                    (server, "https://a1.easemob.com"),
                    (root, "https://staging.example/o/a"),
                ],
                false,
            ),
        ] {
            let environment: Environment = variables.iter().copied().collect();
            assert_eq!(of_run(&run, &environment).is_ok(), trusted, "{variables:?}");
        }
    }

    #[test]
    fn plain_http_leaves_the_machine_only_by_permission() {
        let none = Environment::default();
        let set = |value: &str| Environment::from_iter([(ALLOW_PLAIN_HTTP, value)]);
        let permitting = profile("allow_plain_http = true\n");
        for (target, environment, profile, allowed) in [
            ("https://im.example.com/o/a", &none, None, true),
            ("http://127.0.0.1:8080/o/a", &none, None, true),
            ("http://127.9.9.9/o/a", &none, None, true),
            ("http://[::1]:8080/o/a", &none, None, true),
            ("http://localhost/o/a", &none, None, true),
            ("http://im.localhost/o/a", &none, None, true),
            ("http://localhost.example.com/o/a", &none, None, false),
            ("http://127.0.0.1.example.com/o/a", &none, None, false),
            ("http://10.0.0.7/o/a", &none, None, false),
            ("http://[fe80::1]/o/a", &none, None, false),
            ("http://0.0.0.0/o/a", &none, None, false),
            ("http://im.example.com/o/a", &none, None, false),
            ("http://im.example.com/o/a", &none, Some(&permitting), true),
            ("http://im.example.com/o/a", &set("1"), None, true),
            ("http://im.example.com/o/a", &set("0"), None, false),
            ("http://im.example.com/o/a", &set("false"), None, false),
        ] {
            let decided = plain_http(&AppRoot::parse(target).unwrap(), environment, profile);
            assert_eq!(decided.is_ok(), allowed, "{target}");
        }
    }
}
